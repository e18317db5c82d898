// Package stats turns series into answers: summaries of one series, comparison of two arms.
// In come plain numbers, out come estimates with their intervals and warnings; it judges nothing (package gate does),
// reads nothing and keeps no state. The same input gives the same bits.
//
// The unit of replication is the session, never the iteration: iterations of one launch share the launch's luck, and a
// test that pools them finds differences between identical builds in a fifth of all nights.
package stats
