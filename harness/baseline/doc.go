// Package baseline keeps the builds that people have accepted, with the nights that were measured of them: one file for
// each case, reviewed like code. It proposes a baseline from a recorded run, writes and reads the files, refuses what was
// changed by hand, and says what accepting a run would change. It reads recorded runs through a small interface; it judges
// and prints nothing.
package baseline
