// The clients that users write with, each on the Widgets of a namespace: controller-runtime, Flux and client-go.
//
// The first argument names what is done. All but the controller write one JSON object with what they saw, and end.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// limit is how long a writer may take.
const limit = 2 * time.Minute

var resource = schema.GroupVersionResource{Group: "peer.example.com", Version: "v1", Resource: "widgets"}

// facts are what a writer saw.
type facts map[string]any

type writer func(context.Context, *rest.Config, string) (facts, error)

var writers = map[string]writer{
	"controller":         control,
	"controller-runtime": applyByControllerRuntime,
	"flux":               applyByFlux,
	"dynamic":            applyByDynamicClient,
	"metadata":           byMetadataClient,
	"scale":              byScaleClient,
	"websocket":          byWebSocket,
	"connect":            byConnect,
}

func main() {
	// controller-runtime has a flag kubeconfig too, in the set that is everybody's.
	flags := flag.NewFlagSet("writers", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "the cluster")
	namespace := flags.String("namespace", "", "where the Widgets are")
	_ = flags.Parse(os.Args[1:])
	if err := run(flags.Arg(0), *kubeconfig, *namespace); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(name, kubeconfig, namespace string) error {
	write, ok := writers[name]
	if !ok {
		return fmt.Errorf("no writer is named %q", name)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if name != "controller" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	saw, err := write(ctx, config, namespace)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return json.NewEncoder(os.Stdout).Encode(saw)
}

// widget is one with this spec.
func widget(namespace, name string, spec map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": resource.GroupVersion().String(),
		"kind":       "Widget",
		"metadata":   map[string]any{"namespace": namespace, "name": name},
		"spec":       spec,
	}}
}

func port(name string, number int64) map[string]any {
	return map[string]any{"name": name, "port": number}
}

// managers are who manages something of an object, as `MANAGER OPERATION SUBRESOURCE`, sorted.
func managers(object *unstructured.Unstructured) []string {
	names := []string{}
	for _, entry := range object.GetManagedFields() {
		name := entry.Manager + " " + string(entry.Operation)
		if entry.Subresource != "" {
			name += " " + entry.Subresource
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
