package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// declarations checks the topology itself.
func declarations(s Setup) Finding {
	for _, n := range topology.Check(s.Groups, topologies.Shared()) {
		if n.Fault {
			return fail("topology", n.Group+" "+n.Text, "see: payerflow topology check")
		}
	}
	return ok("topology", plural(len(s.Groups), "group", "groups"))
}

// registry makes the checks of the schema registry. The sample is of its clock.
func registry(ctx context.Context, s Setup) ([]Finding, sample) {
	at := sample{of: "the registry's", before: time.Now(), within: time.Second}
	status, err := s.Registry.Status(ctx)
	at.after, at.told = time.Now(), status.Date
	if err == nil {
		err = s.Registry.Ping()
	}
	if err != nil {
		return []Finding{fail("registry", "does not answer", "start it, or set registry.url (--registry)"), skipped("schemas", "the registry does not answer")}, at
	}
	missing, levels := 0, map[string][]string{}
	for _, subject := range s.Subjects {
		text, err := codecs.AvroSchema(subject.Topic)
		if err == nil {
			_, err = s.Registry.ID(subject.Name, text)
		}
		if errors.Is(err, codecs.ErrNotRegistered) {
			missing++
		} else if err != nil {
			return []Finding{ok("registry", "answers"), fail("schemas", err.Error(), "see the registry's log")}, at
		}
		level, err := s.Registry.CompatibilityOf(subject.Name)
		if err != nil {
			level = notTold
		}
		levels[level] = append(levels[level], subject.Name)
	}
	return []Finding{ok("registry", "answers"), mode(status.Mode, missing), compatibility(levels), schemas(missing, len(s.Subjects))}, at
}

func schemas(missing, all int) Finding {
	found := fmt.Sprintf("%d of %d registered", all-missing, all)
	if missing > 0 {
		return fail("schemas", found, "run: payerflow schemas register")
	}
	return ok("schemas", found)
}

// mode judges whether schemas that are missing can be registered at all.
func mode(mode string, missing int) Finding {
	const check = "registry mode"
	const do = "set its mode to READWRITE before schemas are registered"
	switch {
	case mode == "":
		return skipped(check, notTold)
	case mode == "READWRITE":
		return ok(check, mode)
	case missing > 0:
		return fail(check, fmt.Sprintf("%s, and %s missing", mode, plural(missing, "schema is", "schemas are")), do)
	}
	return warn(check, mode+"; all schemas are registered", do)
}

// stricter levels refuse more than the catalogue asks, and nothing that it allows to be read.
var stricter = []string{"BACKWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"}

// compatibility judges the levels in force, each with its subjects.
func compatibility(levels map[string][]string) Finding {
	const check, want = "registry compatibility", "BACKWARD"
	do := "set the registry's level, and those of subjects that have their own, to " + want
	worst, found := OK, []string{}
	for level, subjects := range levels {
		s, what := Fail, fmt.Sprintf("%s on %d subjects", level, len(subjects))
		switch {
		case level == want:
			s = OK
		case level == notTold:
			s = Skipped
		case slices.Contains(stricter, level):
			s = Warn
		}
		if s != OK {
			what += " (" + some(subjects) + ")"
		}
		worst, found = worse(worst, s), append(found, what)
	}
	slices.Sort(found)
	if worst == OK || worst == Skipped {
		do = ""
	}
	return Finding{check, worst, some(found), do}
}
