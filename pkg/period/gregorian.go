package period

import "time"

func gregorianDay(year, month, day int) int32 {
	return int32(time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Unix() / daySeconds)
}

func gregorianDate(day int32) (year, month, dayOfMonth int) {
	y, m, d := time.Unix(int64(day)*daySeconds, 0).UTC().Date()
	return y, int(m), d
}
