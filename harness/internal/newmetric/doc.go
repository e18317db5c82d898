// Package newmetric is the walk of a metric that did not exist before, from the app's event line to the verdict, as a
// test: one entry in the table of harness/metrics.go, and one call of the recorder in the app, are all that it takes. The
// package has tests only.
package newmetric
