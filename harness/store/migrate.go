package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/lilims/bench/harness"
)

//go:embed migrations/*.sql
var scripts embed.FS

// migration is one step of the schema, from version-1 to version.
type migration struct {
	version int
	name    string
	script  string
}

// migrations reads the embedded scripts in order. Their names begin with their number: 0001_first.sql. A gap or a name
// without number is a mistake of the build, not of a user.
func migrations() []migration {
	files, err := fs.Glob(scripts, "migrations/*.sql")
	if err != nil {
		panic("store: a constant pattern is well formed: " + err.Error())
	}
	var out []migration
	for i, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "migrations/"), ".sql")
		digits, _, _ := strings.Cut(name, "_")
		version, err := strconv.Atoi(digits)
		if err != nil || version != i+1 {
			panic(fmt.Sprintf("store: migration %s is not number %d", file, i+1))
		}
		script, err := scripts.ReadFile(file)
		if err != nil {
			panic("store: an embedded file is readable: " + err.Error())
		}
		out = append(out, migration{version, name, string(script)})
	}
	return out
}

// migrate brings a database up to the last of steps, each in a transaction of its own that also sets the version, so
// that a step is made wholly or not at all. The version lies in the file's header (PRAGMA user_version).
func migrate(ctx context.Context, db *sql.DB, steps []migration) error {
	for _, step := range steps {
		if err := applyStep(ctx, db, step); err != nil {
			return err
		}
	}
	version, err := schemaVersion(ctx, db)
	if err != nil {
		return err
	}
	if newest := len(steps); version > newest {
		return &harness.Error{Kind: harness.KindStorage, Op: "open database",
			Err:  fmt.Errorf("its schema is version %d, and this bench knows versions up to %d", version, newest),
			Hint: "use the newer bench that wrote it, or another folder with --data"}
	}
	return nil
}

// applyStep makes one step where the database is right before it. Two processes may open the same old file: the
// version is read inside the write transaction, so that only one makes the step.
func applyStep(ctx context.Context, db *sql.DB, step migration) (err error) {
	version, err := schemaVersion(ctx, db)
	if err != nil || version >= step.version {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			tx.Rollback()
		}
	}()
	if err = tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version >= step.version {
		return tx.Rollback()
	}
	if _, err = tx.ExecContext(ctx, step.script); err != nil {
		return fmt.Errorf("migration %s: %w", step.name, err)
	}
	if _, err = tx.ExecContext(ctx, "PRAGMA user_version = "+strconv.Itoa(step.version)); err != nil {
		return fmt.Errorf("migration %s: %w", step.name, err)
	}
	return tx.Commit()
}

func schemaVersion(ctx context.Context, db *sql.DB) (version int, err error) {
	err = db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	return version, err
}
