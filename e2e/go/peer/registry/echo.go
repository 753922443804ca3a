package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"

	"annex.dev/e2e/peer/hub"
)

// A subresource that connects: it says who was asked, and what was sent, in plain text.
type echoREST struct{ store *genericregistry.Store }

var _ rest.Connecter = &echoREST{}

func (*echoREST) New() runtime.Object { return &hub.Gadget{} }

func (*echoREST) Destroy() {}

func (*echoREST) NewConnectOptions() (runtime.Object, bool, string) { return nil, false, "" }

func (*echoREST) ConnectMethods() []string { return []string{http.MethodGet, http.MethodPost} }

func (r *echoREST) Connect(ctx context.Context, name string, _ runtime.Object, responder rest.Responder) (http.Handler, error) {
	obj, err := r.store.Get(ctx, name, &metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	gadget := obj.(*hub.Gadget)
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.URL.Query().Get("fail") == "true" {
			responder.Error(errors.NewBadRequest("the gadget was asked to fail"))
			return
		}
		sent, err := io.ReadAll(request.Body)
		if err != nil {
			responder.Error(err)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprintf(w, "%s %s %s %s\n", request.Method, gadget.Name, gadget.Spec.Class, sent)
	}), nil
}
