// An informer of client-go, as controllers have them, for tests that ask whether it stays true.
//
// It follows one resource in all namespaces. For each line on stdin it writes one line of JSON: what its store holds,
// what it was told so far, and what of that contradicts what it was told before. It ends when stdin does.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// state is what the informer was told.
type state struct {
	mutex   sync.Mutex
	known   map[string]string
	Added   int      `json:"added"`
	Updated int      `json:"updated"`
	Deleted int      `json:"deleted"`
	Errors  int      `json:"errors"`
	Wrong   []string `json:"wrong"`
}

// report is one line of the answer.
type report struct {
	Synced  bool              `json:"synced"`
	Objects map[string]string `json:"objects"`
	*state
}

func (s *state) wrong(format string, arguments ...any) {
	if len(s.Wrong) < 20 {
		s.Wrong = append(s.Wrong, fmt.Sprintf(format, arguments...))
	}
}

func describe(object any) (key, revision string) {
	key, _ = cache.DeletionHandlingMetaNamespaceKeyFunc(object)
	if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	if accessor, err := meta.Accessor(object); err == nil {
		revision = accessor.GetResourceVersion()
	}
	return key, revision
}

func older(one, other string) bool {
	a, errA := strconv.ParseUint(one, 10, 64)
	b, errB := strconv.ParseUint(other, 10, 64)
	return errA != nil || errB != nil || a < b
}

func (s *state) added(object any) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	key, revision := describe(object)
	if known, ok := s.known[key]; ok {
		s.wrong("%s was added at %s, and was there at %s", key, revision, known)
	}
	s.known[key] = revision
	s.Added++
}

func (s *state) updated(_, object any) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	key, revision := describe(object)
	known, ok := s.known[key]
	if !ok {
		s.wrong("%s was updated to %s, and was not there", key, revision)
	} else if older(revision, known) {
		s.wrong("%s went back from %s to %s", key, known, revision)
	}
	s.known[key] = revision
	s.Updated++
}

func (s *state) deleted(object any) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	key, _ := describe(object)
	if _, ok := s.known[key]; !ok {
		s.wrong("%s was deleted, and was not there", key)
	}
	delete(s.known, key)
	s.Deleted++
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "the cluster")
	group := flag.String("group", "", "the API group")
	version := flag.String("version", "", "its version")
	resource := flag.String("resource", "", "the resource, plural")
	flag.Parse()
	if err := run(*kubeconfig, schema.GroupVersionResource{Group: *group, Version: *version, Resource: *resource}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(kubeconfig string, resource schema.GroupVersionResource) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	told := &state{known: map[string]string{}, Wrong: []string{}}
	informer := dynamicinformer.NewDynamicSharedInformerFactory(client, 0).ForResource(resource).Informer()
	handlers := cache.ResourceEventHandlerFuncs{AddFunc: told.added, UpdateFunc: told.updated, DeleteFunc: told.deleted}
	if _, err := informer.AddEventHandler(handlers); err != nil {
		return err
	}
	err = informer.SetWatchErrorHandler(func(_ *cache.Reflector, err error) {
		told.mutex.Lock()
		told.Errors++
		told.mutex.Unlock()
		fmt.Fprintln(os.Stderr, err)
	})
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	go informer.Run(stop)
	defer close(stop)
	asked := bufio.NewScanner(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	for asked.Scan() {
		if err := answer(answers, informer, told); err != nil {
			return err
		}
	}
	return asked.Err()
}

func answer(answers *json.Encoder, informer cache.SharedIndexInformer, told *state) error {
	objects := map[string]string{}
	for _, object := range informer.GetStore().List() {
		if found, ok := object.(*unstructured.Unstructured); ok {
			key, revision := describe(found)
			objects[key] = revision
		}
	}
	told.mutex.Lock()
	defer told.mutex.Unlock()
	return answers.Encode(report{Synced: informer.HasSynced(), Objects: objects, state: told})
}
