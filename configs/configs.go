// Package configs holds the catalogue that ships with the harness: what is known of devices, which models there are,
// what is asked of them and by which rules. It holds files and nothing else; harness/config reads them.
package configs

import "embed"

// Files is a copy of devices/, models/, scenarios/ and policies/, so that bench works outside its repository.
//
//go:embed devices/*.yaml models/*.yaml scenarios/*.yaml policies/*.yaml
var Files embed.FS
