// The Go function of the behaviour table, on the official runtime client.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Action  string `json:"action"`
	Value   any    `json:"value"`
	Count   int    `json:"count"`
	Code    int    `json:"code"`
	Size    int    `json:"size"`
	ForMs   int    `json:"forMs"`
	Name    string `json:"name"`
	Message string `json:"message"`
	Fails   bool   `json:"fails"`
}

// RowError is what the function calls its own error.
type RowError struct{ message string }

func (e *RowError) Error() string { return e.message }

var (
	kept    = filepath.Join(os.TempDir(), "kept")
	calls   int
	ticking sync.Mutex
	ticks   []int64
)

func atLoad(what string) {
	fmt.Println("loading")
	switch what {
	case "exit":
		os.Exit(4)
	case "kill":
		kill(syscall.SIGKILL)
	case "fail":
		panic("at load")
	}
}

func kill(number syscall.Signal) {
	if err := syscall.Kill(os.Getpid(), number); err != nil {
		panic(err)
	}
	time.Sleep(10 * time.Second)
}

func tick() {
	for {
		ticking.Lock()
		ticks = append(ticks, time.Now().UnixMilli())
		ticking.Unlock()
		time.Sleep(20 * time.Millisecond)
	}
}

func ticked() []int64 {
	ticking.Lock()
	defer ticking.Unlock()
	return append([]int64{}, ticks...)
}

func contextOf(ctx context.Context) (any, error) {
	invocation, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	return map[string]any{
		"requestId":       invocation.AwsRequestID,
		"functionName":    lambdacontext.FunctionName,
		"functionVersion": lambdacontext.FunctionVersion,
		"memoryMb":        lambdacontext.MemoryLimitInMB,
		"arn":             invocation.InvokedFunctionArn,
		"logGroup":        lambdacontext.LogGroupName,
		"logStream":       lambdacontext.LogStreamName,
		"remainingMs":     time.Until(deadline).Milliseconds(),
		"custom":          invocation.ClientContext.Custom,
		"trace":           os.Getenv("_X_AMZN_TRACE_ID"),
	}, nil
}

func environment() map[string]string {
	variables := map[string]string{}
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		variables[name] = value
	}
	return variables
}

func writeLines(count int) {
	for number := range count {
		fmt.Println("line", strconv.Itoa(number), "é")
	}
	fmt.Fprintln(os.Stderr, "on stderr")
	log.Print("by the logger")
}

func hang() (any, error) {
	if err := os.WriteFile(kept, []byte("kept over a timeout"), 0o644); err != nil {
		return nil, err
	}
	time.Sleep(time.Minute)
	return nil, nil
}

var signals = map[string]syscall.Signal{
	"SIGKILL": syscall.SIGKILL,
	"SIGTERM": syscall.SIGTERM,
	"SIGABRT": syscall.SIGABRT,
}

// halves fails, or ends, after its first half.
type halves struct {
	fails bool
	parts []string
}

func (h *halves) Read(buffer []byte) (int, error) {
	if len(h.parts) == 0 {
		return 0, io.EOF
	}
	part := h.parts[0]
	h.parts = h.parts[1:]
	if h.fails && len(h.parts) == 0 {
		return 0, &RowError{"second half"}
	}
	return copy(buffer, part), nil
}

func act(ctx context.Context, given event) (any, error) {
	switch given.Action {
	case "exit":
		os.Exit(given.Code)
	case "signal":
		kill(signals[given.Name])
	case "panic":
		panic(given.Message)
	case "exit-later":
		time.AfterFunc(time.Second, func() { os.Exit(7) })
		return "answered", nil
	case "ignore-term":
		signal.Ignore(syscall.SIGTERM)
		return "ignored", nil
	case "start-ticking":
		go tick()
		time.Sleep(100 * time.Millisecond)
		return len(ticked()) > 0, nil
	case "ticked":
		time.Sleep(time.Duration(given.ForMs) * time.Millisecond)
		return ticked(), nil
	case "sleep":
		time.Sleep(time.Duration(given.ForMs) * time.Millisecond)
		return lambdacontext.LogStreamName, nil
	}
	return nil, errors.New("no such action: " + given.Action)
}

func handle(ctx context.Context, given event) (any, error) {
	calls++
	switch given.Action {
	case "echo":
		return given.Value, nil
	case "context":
		return contextOf(ctx)
	case "environment":
		return environment(), nil
	case "count":
		return calls, nil
	case "lines":
		writeLines(given.Count)
		return nil, nil
	case "fail":
		return nil, &RowError{given.Message}
	case "hang":
		return hang()
	case "kept":
		text, err := os.ReadFile(kept)
		return string(text), err
	case "large":
		return strings.Repeat("x", given.Size), nil
	case "length":
		return len(given.Value.(string)), nil
	case "stream":
		return &halves{given.Fails, []string{"first half, ", "second half"}}, nil
	}
	return act(ctx, given)
}

func main() {
	atLoad(os.Getenv("AT_LOAD"))
	lambda.Start(handle)
}
