// Package trend finds lasting changes in what was measured night after night. In come the sessions of a metric of a case, or
// a plain series of nightly medians; out come stretches under one fingerprint with their nights, outliers and changes of
// level. It compares no two builds (package compare does), prints nothing, and reads recordings through a small interface.
//
// Which sessions count, and what must agree between them, is decided by package gate: a trend shows what a comparison would
// use.
package trend
