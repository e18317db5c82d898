// Package reports prints what was recorded and computed: a table for a terminal, Markdown, JSON, and HTML pages that
// open from disk with no network. In comes a harness.Recorded, out go bytes that depend on it alone: the same run gives
// the same page. It measures nothing and fills no gap: what is missing is shown as missing, with its reason, and
// numbers that no phone has given are marked in every heading.
//
// Every figure is the median of the sessions' medians, because the session is the unit of replication; the range beside
// it is that of the single kept iterations.
package reports
