// Package crosscheck holds what MetricKit says beside what the app and the host recorded themselves: an independent
// source. Ingested payloads and recorded runs come in, one [harness.CrossCheck] for each device and window goes
// out, with the quantities that both know, and marks where they disagree. They are joined by device, OS build, app build,
// bundle and signpost. It corrects nothing: a reader decides whom to believe.
//
// [Compare] is pure; a [Checker] brings it the runs and payloads of a database, through an interface. The package also
// has both sides of one format, the figures that are kept with a payload: [EncodeFigures] writes them when the payload
// is taken in, and Compare reads them.
//
// # What may be compared
//
// A payload covers a day, or what of it the system has seen; its figures are sums and peaks over all that the app did in
// it. So peaks are compared with the highest of all sessions in the window, counts of signposts with all phases that were
// recorded in it, and times only where one bounds the other. A payload from a file names a kind of device and no unit:
// where several units of that kind worked in the window, it may be any one's, and says so.
package crosscheck
