module github.com/deskpulse/deskpulse/pkg

go 1.26

require (
	github.com/goccy/go-yaml v1.19.2 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

require github.com/deskpulse/deskpulse/proto v0.0.0

replace github.com/deskpulse/deskpulse/proto => ../proto
