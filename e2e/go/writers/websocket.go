package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"golang.org/x/net/websocket"
)

// byWebSocket watches a Widget over a WebSocket (RFC 6455), as browsers do and Kubernetes' own tests of watches: through the
// aggregator, which passes the upgrade on.
func byWebSocket(ctx context.Context, config *rest.Config, namespace string) (facts, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	widgets := client.Resource(resource).Namespace(namespace)
	made, err := widgets.Create(ctx, widget(namespace, "websocket", map[string]any{}), metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	connection, err := dial(ctx, config, watchPath(namespace, "metadata.name=websocket"))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	events := []string{}
	next := func() error {
		var event struct {
			Type   string
			Object unstructured.Unstructured
		}
		// One event is one message.
		if err := websocket.JSON.Receive(connection, &event); err != nil {
			return fmt.Errorf("after %v: %w", events, err)
		}
		events = append(events, event.Type+" "+event.Object.GetName()+" "+event.Object.GetLabels()["step"])
		return nil
	}
	if err := next(); err != nil {
		return nil, err
	}
	made.SetLabels(map[string]string{"step": "2"})
	if _, err := widgets.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
		return nil, err
	}
	if err := next(); err != nil {
		return nil, err
	}
	if err := widgets.Delete(ctx, "websocket", metav1.DeleteOptions{}); err != nil {
		return nil, err
	}
	if err := next(); err != nil {
		return nil, err
	}
	refused, err := statusOf(ctx, config, namespace, "spec.color=red")
	return facts{"events": events, "refused": refused}, err
}

// statusOf is what a request to upgrade is answered, for a watch that is refused before anything is upgraded.
func statusOf(ctx context.Context, config *rest.Config, namespace, selector string) (int, error) {
	single := rest.CopyConfig(config)
	// HTTP/2 has no upgrades.
	single.NextProtos = []string{"http/1.1"}
	client, err := rest.HTTPClientFor(single)
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, config.Host+watchPath(namespace, selector), nil)
	if err != nil {
		return 0, err
	}
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
	} {
		request.Header.Set(name, value)
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	return answer.StatusCode, nil
}

func watchPath(namespace, selector string) string {
	query := url.Values{"watch": {"true"}, "fieldSelector": {selector}}
	return fmt.Sprintf("/apis/%s/namespaces/%s/%s?%s", resource.GroupVersion(), namespace, resource.Resource, query.Encode())
}

// dial opens a WebSocket at a path and its query, with one of these protocols.
func dial(ctx context.Context, config *rest.Config, path string, protocols ...string) (*websocket.Conn, error) {
	tls, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, err
	}
	at := strings.Replace(config.Host, "https://", "wss://", 1) + path
	dialer, err := websocket.NewConfig(at, "https://localhost")
	if err != nil {
		return nil, err
	}
	dialer.TlsConfig = tls
	dialer.Protocol = protocols
	dialer.Header = http.Header{"User-Agent": {"writers"}}
	if config.BearerToken != "" {
		dialer.Header.Set("Authorization", "Bearer "+config.BearerToken)
	}
	connection, err := dialer.DialContext(ctx)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		err = connection.SetDeadline(deadline)
	}
	return connection, err
}
