module github.com/deskpulse/deskpulse/tests

go 1.26
