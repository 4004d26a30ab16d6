package process

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
)

// version is set by the linker: -X github.com/deskpulse/deskpulse/pkg/process.version=v1.2.3.
var version = "dev"

// Version names the build, as in "v1.2.3" or "v1.2.3-4-gabcdef"; "dev" where the
// linker was not told.
func Version() string { return version }

// RegisterBuildInfo registers deskpulse_build_info, whose value is always 1.
func RegisterBuildInfo(reg prometheus.Registerer) error {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "deskpulse_build_info",
		Help: "Always 1; the labels say which build this is.",
		ConstLabels: prometheus.Labels{
			"version": Version(), "goversion": runtime.Version(), "goos": runtime.GOOS, "goarch": runtime.GOARCH,
		},
	})
	info.Set(1)
	return reg.Register(info)
}
