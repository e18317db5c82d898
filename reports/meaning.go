package reports

// meaning says of figures what they count and what they do not.
type meaning struct{ Label, Text string }

// meaningsOf are the meanings of the figures that a case has a value for. Figures that mean the same share one.
func (c Case) meaningsOf() []meaning {
	var out []meaning
	place := map[string]int{}
	for _, f := range c.Figures {
		text := f.Metric.Meaning
		if text == "" || f.Absent != "" {
			continue
		}
		i, ok := place[text]
		if !ok {
			place[text] = len(out)
			out = append(out, meaning{f.Label, text})
			continue
		}
		out[i].Label += "; " + f.Label
	}
	return out
}
