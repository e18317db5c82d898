// Package release checks what a release claims: that its model fits the smallest phone that counts, that speed holds under
// sustained load, figures of its cases, the size of the app. Claims, recorded runs and what files say go in; one page of
// checks comes out: pass, fail, or not measured. It never fills a gap: a check without evidence is not measured, and
// evidence keeps the kind of device that it is from. It measures and prints nothing itself; the database is seen through
// [Recordings].
package release
