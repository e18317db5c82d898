// Package bisect finds the git revision that made a metric worse. A good and a bad revision come in with a command that
// builds them; the first bad revision goes out, or the few among which it is where some could not be judged. It builds
// revisions in git work trees of their own and asks its caller to compare two builds: it measures and prints nothing.
package bisect
