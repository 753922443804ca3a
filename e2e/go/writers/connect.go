package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"

	"golang.org/x/net/websocket"
)

// machine is the path of a Machine of the library's example `computed`, whose subresources connect.
func machine(namespace string) string {
	return "/apis/computed.example.com/v1/namespaces/" + namespace + "/machines/abacus"
}

// byConnect runs commands, follows a log and speaks a WebSocket by itself, through the aggregator.
func byConnect(ctx context.Context, config *rest.Config, namespace string) (facts, error) {
	summed, err := command(ctx, config, namespace, "sum", "1\n2\n39\n")
	if err != nil {
		return nil, err
	}
	missing, err := command(ctx, config, namespace, "fly", "")
	if err != nil {
		return nil, err
	}
	saw := facts{"sum": summed, "missing": missing}
	if saw["reader"], err = byReader(ctx, config, namespace); err != nil {
		return nil, err
	}
	if saw["spdy"], err = bySPDY(ctx, config, namespace); err != nil {
		return nil, err
	}
	if saw["log"], err = followed(ctx, config, namespace); err != nil {
		return nil, err
	}
	saw["plain"], err = byPlainWebSocket(ctx, config, namespace)
	return saw, err
}

func commandURL(config *rest.Config, namespace, command string) (*url.URL, error) {
	at, err := url.Parse(config.Host + machine(namespace) + "/exec")
	if err != nil {
		return nil, err
	}
	at.RawQuery = url.Values{"command": {command}, "stdin": {"true"}, "stdout": {"true"}, "stderr": {"true"}}.Encode()
	return at, nil
}

// command is what client-go's executor of `kubectl exec` makes of a command: standard output, standard error, exit code.
func command(ctx context.Context, config *rest.Config, namespace, name, input string) ([]any, error) {
	at, err := commandURL(config, namespace, name)
	if err != nil {
		return nil, err
	}
	executor, err := remotecommand.NewWebSocketExecutor(config, http.MethodGet, at.String())
	if err != nil {
		return nil, err
	}
	var output, errorOutput bytes.Buffer
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{
		Stdin: strings.NewReader(input), Stdout: &output, Stderr: &errorOutput,
	})
	code := 0
	var exit exec.CodeExitError
	if errors.As(err, &exit) {
		code, err = exit.Code, nil
	}
	return []any{output.String(), errorOutput.String(), code}, err
}

// byReader is whether somebody who may only get the subresource is refused what executes, and why.
func byReader(ctx context.Context, config *rest.Config, namespace string) (bool, error) {
	reader := rest.CopyConfig(config)
	reader.Impersonate.UserName = "reader"
	_, err := command(ctx, reader, namespace, "sum", "")
	if err == nil || !strings.Contains(err.Error(), `cannot create resource "machines/exec"`) {
		return false, fmt.Errorf("the reader saw %w", err)
	}
	return true, nil
}

// bySPDY is what an old client is told.
func bySPDY(ctx context.Context, config *rest.Config, namespace string) (string, error) {
	at, err := commandURL(config, namespace, "sum")
	if err != nil {
		return "", err
	}
	executor, err := remotecommand.NewSPDYExecutor(config, http.MethodPost, at)
	if err != nil {
		return "", err
	}
	return message(executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &bytes.Buffer{}})), nil
}

// followed is the begin of a log that does not end.
func followed(ctx context.Context, config *rest.Config, namespace string) ([]string, error) {
	plain := rest.CopyConfig(config)
	plain.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	client, err := rest.UnversionedRESTClientFor(plain)
	if err != nil {
		return nil, err
	}
	stream, err := client.Get().AbsPath(machine(namespace)+"/log").Param("follow", "true").Param("tailLines", "2").Stream(ctx)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	lines, scanner := []string{}, bufio.NewScanner(stream)
	for len(lines) < 4 && scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	return lines, scanner.Err()
}

// byPlainWebSocket speaks the channels of v4 by itself.
func byPlainWebSocket(ctx context.Context, config *rest.Config, namespace string) ([]string, error) {
	at, err := commandURL(config, namespace, "sum")
	if err != nil {
		return nil, err
	}
	connection, err := dial(ctx, config, at.RequestURI(), "v4.channel.k8s.io")
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	messages := []string{}
	for _, sent := range []string{"", "\x0020\n", "\x0022\n"} {
		if sent != "" {
			if err := websocket.Message.Send(connection, []byte(sent)); err != nil {
				return nil, err
			}
		}
		var received []byte
		if err := websocket.Message.Receive(connection, &received); err != nil {
			return nil, fmt.Errorf("after %q: %w", messages, err)
		}
		messages = append(messages, string(received))
	}
	return messages, nil
}
