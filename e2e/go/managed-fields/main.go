// Makes the data of the tests of annex-apiserver's field managers (apiserver/src/managed_fields/tests): random kinds, and what the
// field managers of k8s.io/apimachinery make of writes to an object of each. One kind with its writes is one line of JSON.
//
//	go run . SEED KINDS
package main

import (
	"bufio"
	"encoding/json"
	"math/rand"
	"os"
	"strconv"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
)

type object = map[string]any

var random *rand.Rand

// A kind that is written to: one of unstructured objects, as a CustomResourceDefinition has, or one of Go structs.
type kind interface {
	// What the test must know of it.
	facts() object
	name() string
	versions() []string
	manager(version, subresource string) *managedfields.FieldManager
	// A random object of a version.
	random(version string) object
	// An object as it is sent, as it is stored.
	toHub(sent object) (runtime.Object, error)
	// An object as it is stored, in a version.
	fromHub(stored runtime.Object, version string) object
	// What an object begins with before it is created.
	empty(version string) runtime.Object
}

func main() {
	random = rand.New(rand.NewSource(int64(must(strconv.Atoi(os.Args[1])))))
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	for range must(strconv.Atoi(os.Args[2])) {
		var k kind
		if often(15) {
			k = newWardle()
		} else {
			k = newCustom()
		}
		facts := k.facts()
		facts["steps"] = steps(k)
		check(encoder.Encode(facts))
	}
	check(out.Flush())
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func one[T any](of ...T) T { return of[random.Intn(len(of))] }

func often(percent int) bool { return random.Intn(100) < percent }

func clone(v any) any { return runtime.DeepCopyJSONValue(v) }

func cloned(v object) object { return clone(v).(object) }

// A field of an object in an object, which is made where it is not there.
func in(v object, name string) object {
	inner, ok := v[name].(object)
	if !ok {
		inner = object{}
		v[name] = inner
	}
	return inner
}
