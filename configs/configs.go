// Package configs holds the catalogue that ships with the harness: what is known of devices, which models there are,
// what is asked of them by which rules, and what a release promises. It holds files and nothing else; harness/config reads them.
package configs

import "embed"

// Files is a copy of devices/, models/, scenarios/, policies/ and claims/, so that bench works outside its repository.
//
//go:embed devices/*.yaml models/*.yaml scenarios/*.yaml policies/*.yaml claims/*.yaml
var Files embed.FS
