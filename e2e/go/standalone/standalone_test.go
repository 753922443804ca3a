// Package standalone is a test of somebody's controller: it starts annex-apiserver with a definition, and asks it by client-go.
package standalone

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// startAPIServer serves what is defined in a file or directory, until the test ends.
func startAPIServer(t *testing.T, definitions string) *rest.Config {
	t.Helper()
	program := os.Getenv("ANNEX_APISERVER")
	if program == "" {
		program = "annex-apiserver"
	}
	server := exec.Command(program, "--standalone", "--secure-port=0", "--data-dir="+t.TempDir(), "--resources="+definitions)
	server.Stderr = os.Stderr
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	// export KUBECONFIG=PATH: from then on it serves.
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal("the API server did not start: ", err)
	}
	path := strings.TrimPrefix(strings.TrimSpace(line), "export KUBECONFIG=")
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func TestLamps(t *testing.T) {
	client, err := dynamic.NewForConfig(startAPIServer(t, "../../../docs/examples/lamps"))
	if err != nil {
		t.Fatal(err)
	}
	lamps := client.Resource(schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "lamps"}).Namespace("default")
	lamp := func(name, color string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "example.com/v1", "kind": "Lamp",
			"metadata": map[string]any{"name": name},
			"spec":     map[string]any{"color": color},
		}}
	}
	watch, err := lamps.Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	created, err := lamps.Create(t.Context(), lamp("hall", "red"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if watts, _, _ := unstructured.NestedInt64(created.Object, "spec", "watts"); watts != 5 {
		t.Errorf("what the definition says is defaulted: %v", created.Object)
	}
	if event := <-watch.ResultChan(); event.Object.(*unstructured.Unstructured).GetName() != "hall" {
		t.Errorf("the watch told %v", event)
	}
	_, err = lamps.Create(t.Context(), lamp("attic", "blue"), metav1.CreateOptions{})
	if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), `spec.color: Unsupported value: "blue"`) {
		t.Errorf("a wrong color: %v", err)
	}
}
