package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
)

// Writes to one object.

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

type writer struct {
	kind
	// The object as it is stored; nil: there is none.
	live runtime.Object
	// What each manager applied last.
	applied map[string]object
	// Times that were given, and those that clients made up.
	known map[string]bool
	now   time.Time
	many  bool
	// The whole annotation is too large now and then.
	large bool
}

func steps(k kind) []any {
	w := &writer{kind: k, applied: map[string]object{}, known: map[string]bool{}, now: time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC),
		many: often(12), large: often(1)}
	count := 2 + random.Intn(8)
	if w.many {
		count += 20
	}
	var out []any
	for range count {
		out = append(out, w.step())
	}
	return out
}

func (w *writer) step() any {
	w.now = w.now.Add(time.Duration(1+random.Intn(100)) * time.Second)
	now := w.now.Format(time.RFC3339)
	w.known[now] = true
	version, subresource := one(w.versions()...), ""
	if w.live != nil && often(20) {
		subresource = "status"
	}
	isApply, force := often(55), often(30)
	if w.many {
		isApply = often(15)
	}
	step := object{"version": version, "subresource": subresource, "apply": isApply, "force": force, "now": now}
	var live object
	if w.live != nil {
		live = w.fromHub(w.live, version)
		step["live"] = clone(live)
	}
	var manager string
	var sent object
	if isApply {
		manager = one("alice", "bob", "kubectl", "kubectl", "", "c<d>&é")
		sent = w.config(version, manager, live)
	} else {
		manager, sent = w.update(version, subresource, live)
	}
	step["manager"], step["object"] = manager, clone(sent)
	write := func() (runtime.Object, error) {
		fm := w.kind.manager(version, subresource)
		old := w.live
		if old == nil {
			old = w.empty(version)
		}
		if isApply {
			return fm.Apply(old.DeepCopyObject(), asConfig(cloned(sent)), manager, force)
		}
		hub, err := w.toHub(sent)
		if err != nil {
			return nil, err
		}
		return fm.UpdateNoErrors(old, hub, manager), nil
	}
	result, err := write()
	if err != nil {
		step["error"] = failure(err)
		for range 4 {
			// Go looks at fields in no order: only what it always says can be compared.
			if _, again := write(); again.Error() != err.Error() || strings.Contains(err.Error(), "errors:\n") {
				if _, isConflict := err.(*apierrors.StatusError); !isConflict {
					step["error"].(object)["message"] = nil
				}
			}
		}
		return step
	}
	w.setTimes(result, now)
	out := w.fromHub(result, version)
	step["result"] = clone(out)
	w.store(out, live, subresource)
	return step
}

// What a strategy does after the field manager: a subresource changes its own part, and a new object has a uid.
func (w *writer) store(out, live object, subresource string) {
	out = cloned(out)
	if live == nil {
		in(out, "metadata")["uid"], in(out, "metadata")["name"], in(out, "metadata")["namespace"] = "u", "n", "ns"
		in(out, "metadata")["generation"] = int64(1)
	}
	keep := func(name string) {
		delete(out, name)
		if kept, ok := live[name]; ok {
			out[name] = clone(kept)
		}
	}
	if subresource == "status" {
		keep("spec")
	} else if len(live) > 0 && often(90) {
		keep("status")
	}
	w.live = must(w.toHub(out))
}

func failure(err error) object {
	out := object{"code": 500, "message": err.Error()}
	var status *apierrors.StatusError
	if errors.As(err, &status) {
		out["code"], out["reason"] = status.ErrStatus.Code, string(status.ErrStatus.Reason)
		if details := status.ErrStatus.Details; details != nil {
			causes := []string{}
			for _, cause := range details.Causes {
				causes = append(causes, fmt.Sprintf("%s|%s|%s", cause.Type, cause.Message, cause.Field))
			}
			sort.Strings(causes)
			out["causes"] = causes
		}
	}
	return out
}

// Some of the fields of one object and the others of another.
func mixed(l, r object, percent int) object {
	out := cloned(r)
	for _, name := range sorted(l) {
		inner, isObject := l[name].(object)
		there, isThere := out[name].(object)
		if isObject && isThere && often(60) {
			out[name] = mixed(inner, there, percent)
		} else if often(percent) {
			out[name] = clone(l[name])
		}
	}
	return out
}

func named(v object) {
	metadata := in(v, "metadata")
	metadata["name"], metadata["namespace"] = "n", "ns"
}

func (w *writer) config(version, manager string, live object) object {
	config := w.random(version)
	last, ok := w.applied[manager]
	switch {
	case ok && last["apiVersion"] == version && often(50):
		config = mixed(last, config, one(60, 90, 100))
		if often(30) {
			config = cloned(last)
		}
	case live != nil && often(40):
		config = mixed(live, config, 50)
	}
	metadata := in(config, "metadata")
	for _, name := range []string{"managedFields", "uid", "generation", "creationTimestamp"} {
		delete(metadata, name)
	}
	if often(90) {
		named(config)
	}
	if often(60) {
		delete(config, "status")
	}
	if manager == "kubectl" && often(10) {
		in(metadata, "annotations")[lastApplied] = "x"
	}
	switch random.Intn(60) {
	case 0:
		config["apiVersion"] = one[any]("example.com/v9", "v1", "a/b/c", "", nil, group+"/v1", "wardle.example.com/v1beta1")
	case 1:
		config["kind"] = one[any]("Other", nil)
	case 2:
		metadata["managedFields"] = one[any]([]any{}, []any{object{"manager": "x", "operation": "Apply"}}, nil)
	case 3:
		in(config, one("spec", "metadata"))["zz"] = text()
	case 4:
		in(config, "spec")[one("a", "b", "c", "reference")] = one[any]("text", int64(7), []any{}, object{"q": "r"}, true)
	case 5:
		config["spec"] = one[any](nil, "x", []any{})
	case 6:
		in(metadata, "labels")["x"] = one[any](int64(1), nil)
	}
	w.applied[manager] = cloned(config)
	return config
}

func (w *writer) update(version, subresource string, live object) (string, object) {
	manager := one("alice", "bob", "kubectl", "", "controller")
	if w.many {
		manager = fmt.Sprint("m", random.Intn(16))
	}
	fresh := w.random(version)
	sent := fresh
	if live != nil {
		sent = mixed(live, fresh, one(50, 80, 95, 100))
		if often(10) {
			sent = cloned(live)
		}
		sent["metadata"] = mixed(in(live, "metadata"), in(fresh, "metadata"), 80)
		for _, name := range []string{"uid", "generation", "creationTimestamp"} {
			if kept, ok := in(live, "metadata")[name]; ok {
				in(sent, "metadata")[name] = clone(kept)
			}
		}
	}
	named(sent)
	if subresource == "" && often(20) {
		manager = "kubectl-client-side-apply"
		w.applyByClient(sent, fresh)
	}
	w.editManagers(sent, live)
	return manager, sent
}

// The object as kubectl apply makes it without the server's help.
func (w *writer) applyByClient(sent, config object) {
	config = cloned(config)
	named(config)
	delete(config, "status")
	for _, name := range sorted(in(config, "spec")) {
		in(sent, "spec")[name] = clone(in(config, "spec")[name])
	}
	annotation := string(must(json.Marshal(config))) + "\n"
	switch random.Intn(12) {
	case 0:
		annotation = one("", "{", "[]", `{"kind":"Other","apiVersion":"example.com/v1"}`, `{"apiVersion":"example.com/v1"}`)
	case 1:
		if w.large {
			annotation = strings.Repeat("x", 250_000)
			in(in(sent, "metadata"), "annotations")["large"] = strings.Repeat("y", 12_000)
		}
	}
	in(in(sent, "metadata"), "annotations")[lastApplied] = annotation
}

// What clients do with managedFields: mostly nothing.
func (w *writer) editManagers(sent, live object) {
	metadata := in(sent, "metadata")
	var entries []any
	if live != nil {
		if there, ok := in(live, "metadata")["managedFields"].([]any); ok {
			entries = clone(there).([]any)
			metadata["managedFields"] = entries
		}
	}
	made := "2000-01-01T00:00:00Z"
	w.known[made] = true
	entry := func() any {
		out := object{"manager": one("x", "alice", "ancient-changes"), "operation": one("Apply", "Update"), "apiVersion": one(append(w.versions(), group+"/v0")...),
			"fieldsType": "FieldsV1", "fieldsV1": object{"f:spec": object{"f:a": object{}, "f:size": object{}, "f:reference": object{}, "f:b": object{".": object{}, "f:x": object{}}},
				"f:metadata": object{"f:labels": object{"f:x": object{}}}}}
		if often(60) {
			out["time"] = made
		}
		if often(20) {
			out["subresource"] = "status"
		}
		return out
	}
	switch random.Intn(40) {
	case 0, 1:
		delete(metadata, "managedFields")
	case 2:
		metadata["managedFields"] = []any{}
	case 3:
		metadata["managedFields"] = []any{object{}}
	case 4, 5, 6, 7:
		metadata["managedFields"] = append(entries, entry())
	case 8:
		if len(entries) > 0 {
			at := random.Intn(len(entries))
			metadata["managedFields"] = append(append([]any{}, entries[:at]...), entries[at+1:]...)
		}
	case 9:
		if len(entries) > 0 {
			edited := one(entries...).(object)
			edited[one("operation", "apiVersion", "fieldsType", "manager", "subresource")] = one("", "x", "FieldsV1", "Apply")
		}
	case 10:
		if len(entries) > 0 {
			one(entries...).(object)["fieldsV1"] = one[any](object{}, object{"x:a": object{}}, object{"f:spec": object{"f:a": object{"k:{": object{}}}}, object{"f": object{}})
		}
	case 11:
		for _, entry := range entries {
			if often(50) {
				entry.(object)["time"] = made
			}
		}
	}
}
