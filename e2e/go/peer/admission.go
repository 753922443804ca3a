package main

import (
	"context"
	"fmt"
	"io"

	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/warning"
)

const pluginName = "Connections"

// Refuses to connect to gadgets whose name is shut, and says what it was asked.
type connections struct{ *admission.Handler }

var _ admission.ValidationInterface = &connections{}

func register(plugins *admission.Plugins) {
	plugins.Register(pluginName, func(io.Reader) (admission.Interface, error) {
		return &connections{admission.NewHandler(admission.Connect)}, nil
	})
}

func (*connections) Validate(ctx context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	asked := fmt.Sprintf("%s %s %s/%s/%s, an object: %t, an old one: %t, dry: %t", a.GetOperation(), a.GetResource().Resource,
		a.GetNamespace(), a.GetName(), a.GetSubresource(), a.GetObject() != nil, a.GetOldObject() != nil, a.IsDryRun())
	if a.GetName() == "ajar" {
		warning.AddWarning(ctx, "", asked)
	}
	if a.GetName() == "shut" {
		return admission.NewForbidden(a, fmt.Errorf("%s", asked))
	}
	return nil
}
