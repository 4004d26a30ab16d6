// Package integration tests packages of deskpulse against the real systems they talk to.
package integration
