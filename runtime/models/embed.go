// Package shipped holds the converted models that bench brings along, so that a copied program measures without its
// repository. It holds files and nothing else; harness/modelstore reads them.
package shipped

import "embed"

// Path is where the catalogue says that these models lie, relative to the repository.
const Path = "runtime/models"

// Files are the models, each a folder with its manifest.json.
//
//go:embed stories-1m
var Files embed.FS
