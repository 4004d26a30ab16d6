module github.com/deskpulse/deskpulse/services

go 1.26
