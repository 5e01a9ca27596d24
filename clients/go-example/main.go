// Appends a message to a Loci server and lists it back, with Debian's ttrpc client library unchanged.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	contexts = "loci.v1.ContextService"
	roleUser = 1
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go-example HOST:PORT")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "go-example:", err)
		os.Exit(1)
	}
}

func run(target string) error {
	conn, err := net.DialTimeout("tcp", target, 5*time.Second)
	if err != nil {
		return err
	}
	client := ttrpc.NewClient(conn)
	defer client.Close()
	// The deadline travels with each call; the server keeps it too.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	who := &scope{Tenant: "example", Agent: "go"}
	said := fmt.Sprintf("Hello from Go at %s", time.Now().Format(time.RFC3339Nano))
	appended := new(appendResponse)
	err = client.Call(ctx, contexts, "Append", &appendRequest{
		Scope:         who,
		ContextID:     "greetings",
		Messages:      []*messageDraft{{Role: roleUser, Text: said}},
		CreateContext: true,
		Options:       &writeOptions{RequestID: said},
	}, appended)
	if err != nil {
		return fmt.Errorf("append: %w", err)
	}
	fmt.Printf("appended message %d, id %s\n", appended.FirstNumber, appended.MessageIDs[0])

	listed := new(listMessagesResponse)
	err = client.Call(ctx, contexts, "ListMessages", &listMessagesRequest{
		Scope:       who,
		ContextID:   "greetings",
		NewestFirst: true,
		Page:        &page{Size: 1},
	}, listed)
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	if len(listed.Messages) != 1 || listed.Messages[0].Text != said {
		return fmt.Errorf("listed %v, not what was appended", listed.Messages)
	}
	fmt.Printf("listed message %d: %s\n", listed.Messages[0].Number, listed.Messages[0].Text)

	err = client.Call(ctx, contexts, "ListMessages",
		&listMessagesRequest{Scope: who, ContextID: "no such context"}, new(listMessagesResponse))
	if status.Code(err) != codes.NotFound {
		return fmt.Errorf("listing an unknown context gave %v, not NOT_FOUND", err)
	}
	fmt.Println("an unknown context is", status.Code(err))
	return nil
}
