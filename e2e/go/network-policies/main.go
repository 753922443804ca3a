// The controller of kube-network-policies, which decides about the first packet of each connection in user space. Its own program
// reads the kubeconfig of a pod alone, this one any.
//
// The kernel hands it packets by the rules of whoever starts it: those that the controller tries to make itself need a kernel with
// CONFIG_NFT_QUEUE, and it goes on without them.
package main

import (
	"context"
	"flag"
	"log"
	"os/signal"
	"syscall"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "how to reach the cluster")
	node := flag.String("node", "", "the node that it runs on")
	queue := flag.Int("queue", 100, "the number of the queue that packets come from")
	flag.Parse()
	if err := run(*kubeconfig, *node, *queue); err != nil {
		log.Fatal(err)
	}
}

func run(kubeconfig, node string, queue int) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	controller, err := networkpolicy.NewController(
		client,
		factory.Networking().V1().NetworkPolicies(),
		factory.Core().V1().Namespaces(),
		factory.Core().V1().Pods(),
		nil, nil, nil, nil,
		networkpolicy.Config{NodeName: node, QueueID: queue, NRIdisabled: true},
	)
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	return controller.Run(ctx)
}
