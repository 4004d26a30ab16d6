package process

import (
	"fmt"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// LogConfig is how a process logs.
type LogConfig struct {
	Format string // json or console; json where it is empty
	Level  string // debug, info, warn or error; info where it is empty
}

// NewLogger returns a logger that writes lines to w.
func NewLogger(c LogConfig, w zapcore.WriteSyncer) (*zap.Logger, error) {
	level := zapcore.InfoLevel
	if c.Level != "" {
		var err error
		if level, err = zapcore.ParseLevel(c.Level); err != nil {
			return nil, fmt.Errorf("log level %q is unknown: use debug, info, warn or error", c.Level)
		}
	}
	encoder, err := newEncoder(c.Format)
	if err != nil {
		return nil, err
	}
	core := zapcore.NewCore(encoder, zapcore.Lock(w), level)
	return zap.New(core, zap.ErrorOutput(zapcore.Lock(w))), nil
}

func newEncoder(format string) (zapcore.Encoder, error) {
	ec := zap.NewProductionEncoderConfig()
	ec.TimeKey = "time"
	ec.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	ec.EncodeDuration = zapcore.StringDurationEncoder
	switch format {
	case "", "json":
		return zapcore.NewJSONEncoder(ec), nil
	case "console":
		ec.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		ec.EncodeLevel = zapcore.CapitalLevelEncoder
		ec.ConsoleSeparator = "  "
		return zapcore.NewConsoleEncoder(ec), nil
	default:
		return nil, fmt.Errorf("log format %q is unknown: use json or console", format)
	}
}
