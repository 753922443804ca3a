// Gadgets on k8s.io/apiserver: a kind with a field of each form that Kubernetes' own types have, in two versions, with /status,
// /scale and /echo, which connects. What the library's example `peer` is compared with.
//
//go:generate go run k8s.io/code-generator/cmd/deepcopy-gen@v0.36.3 --output-file zz_generated.deepcopy.go ./v1 ./v1beta1 ./hub
//go:generate go run k8s.io/kube-openapi/cmd/openapi-gen@v0.0.0-20260317180543-43fb72c5454a --output-dir openapi --output-pkg annex.dev/e2e/peer/openapi --output-file zz_generated.openapi.go --output-model-name-file zz_generated.model_name.go --report-filename /dev/null ./v1 ./v1beta1
//go:generate go run k8s.io/kube-openapi/cmd/openapi-gen@v0.0.0-20260317180543-43fb72c5454a --output-dir openapi --output-pkg annex.dev/e2e/peer/openapi --output-file zz_generated.openapi.go --report-filename /dev/null ./v1 ./v1beta1 k8s.io/apimachinery/pkg/util/intstr
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	endpointsopenapi "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/options"
	"k8s.io/apiserver/pkg/util/compatibility"
	"k8s.io/component-base/cli"

	"annex.dev/e2e/peer/hub"
	"annex.dev/e2e/peer/openapi"
	"annex.dev/e2e/peer/registry"
)

func main() {
	scheme := runtime.NewScheme()
	hub.Install(scheme)
	codecs := serializer.NewCodecFactory(scheme)
	recommended := options.NewRecommendedOptions("/registry/gadgets.example.com", codecs.LegacyCodec(hub.V1))
	recommended.Etcd.StorageConfig.EncodeVersioner = runtime.NewMultiGroupVersioner(hub.V1, schema.GroupKind{Group: hub.GroupName})
	register(recommended.Admission.Plugins)
	recommended.Admission.RecommendedPluginOrder = append(recommended.Admission.RecommendedPluginOrder, pluginName)
	command := &cobra.Command{
		Use: "peer",
		RunE: func(command *cobra.Command, _ []string) error {
			if errs := recommended.Validate(); len(errs) > 0 {
				return fmt.Errorf("%v", errs)
			}
			server, err := newServer(scheme, codecs, recommended)
			if err != nil {
				return err
			}
			return server.PrepareRun().RunWithContext(command.Context())
		},
	}
	command.SetContext(genericapiserver.SetupSignalContext())
	recommended.AddFlags(command.Flags())
	os.Exit(cli.Run(command))
}

func newServer(scheme *runtime.Scheme, codecs serializer.CodecFactory, recommended *options.RecommendedOptions) (*genericapiserver.GenericAPIServer, error) {
	config := genericapiserver.NewRecommendedConfig(codecs)
	namer := endpointsopenapi.NewDefinitionNamer(scheme)
	config.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(openapi.All, namer)
	config.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(openapi.All, namer)
	config.OpenAPIConfig.Info.Title, config.OpenAPIConfig.Info.Version = "Gadgets", "0.1"
	config.OpenAPIV3Config.Info.Title, config.OpenAPIV3Config.Info.Version = "Gadgets", "0.1"
	config.EffectiveVersion = compatibility.DefaultBuildEffectiveVersion()
	if err := recommended.ApplyTo(config); err != nil {
		return nil, err
	}
	server, err := config.Complete().New("peer", genericapiserver.NewEmptyDelegate())
	if err != nil {
		return nil, err
	}
	paths, err := registry.Paths(scheme, config.RESTOptionsGetter)
	if err != nil {
		return nil, err
	}
	group := genericapiserver.NewDefaultAPIGroupInfo(hub.GroupName, scheme, metav1.ParameterCodec, codecs)
	group.VersionedResourcesStorageMap[hub.V1.Version] = paths
	group.VersionedResourcesStorageMap[hub.V1beta1.Version] = paths
	return server, server.InstallAPIGroup(&group)
}
