package derive

// DecodeRate is tokens per second after the first, over the time from the first to the last, so that no part of the
// prompt's pass is in it. ns are the tokens' time stamps, in ns and in order. False below two tokens or without time
// between them.
func DecodeRate(ns []int64) (float64, bool) {
	if len(ns) < 2 || ns[len(ns)-1] <= ns[0] {
		return 0, false
	}
	return float64(len(ns)-1) / (float64(ns[len(ns)-1]-ns[0]) / 1e9), true
}
