// Package appbundle reads app builds that lie on this host: the .ipa of an iPhone, real or virtual, and the executable
// that runs here. A path comes in; the build's own metadata comes out, with its sizes and its hash, or an error that
// says what is wrong with the file. Nothing is unpacked to disk. It is the one reader of .ipa archives in the project:
// whether an app suits a phone is the runner's business.
package appbundle
