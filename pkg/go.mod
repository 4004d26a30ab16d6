module github.com/deskpulse/deskpulse/pkg

go 1.26
