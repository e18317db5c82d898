// Package owner keeps a phone to one process of this host at a time: two that launch on one phone end each other's app and
// would record that as a crash. A [Runner] around the one that reaches the phones takes a lease before it opens a phone, and
// keeps it until it is released or its process ends.
//
// # On the disk
//
//	/tmp/bench-leases/             mode 1777, for all users of the host
//	    <udid>.lock                locked (flock) by the owner while it has the phone; who that is, as JSON
//
// The kernel's lock is what counts: it ends with its process, so that what a dead owner left behind is taken over at once. What
// the file says of its owner is for people, and believed only while that process lives: a process ID is used again, and the
// time at which a process began tells the two apart. A lease file that is a symbolic link or has a second name is refused,
// since its writer could be led to another file. Who may write to the folder can hold a lease for as long as they like;
// the owner of the folder could also remove one. It keeps runs from each other, not from people who mean harm.
package owner
