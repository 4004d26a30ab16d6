package period

// The Solar Hijri year begins on the day whose noon in Tehran comes first after the March
// equinox. From 1178 to 1501 (1799 to 2123) the equinoxes give exactly this rule: 33 years
// have 8 leap years and so 12,053 days. Outside, the rule may be a day off.

// hijriEpoch is the day of 1 Farvardin 1.
const hijriEpoch = -492268

// hijriNewYear returns the day of 1 Farvardin.
func hijriNewYear(year int) int {
	return hijriEpoch + floorDiv(12053*year-12024, 33)
}

func hijriDay(year, month, day int) int32 {
	before := 31 * (month - 1) // six months of 31 days, then of 30; only the last differs
	if month > 7 {
		before -= month - 7
	}
	return int32(hijriNewYear(year) + before + day - 1)
}

func hijriDate(day int32) (year, month, dayOfMonth int) {
	year = 1 + floorDiv(33*(int(day)-hijriEpoch)+3, 12053)
	of := int(day) - hijriNewYear(year)
	if of < 6*31 {
		return year, of/31 + 1, of%31 + 1
	}
	of -= 6 * 31
	return year, of/30 + 7, of%30 + 1
}
