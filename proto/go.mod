module github.com/deskpulse/deskpulse/proto

go 1.26
