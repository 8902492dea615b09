// A function for provided.al2023 on the official Go runtime client: what the clients create, and what the recorded introspection asks.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Action string `json:"action"`
	Marker string `json:"marker"`
}

// codeVersion is read from the package beside the program, so that its code can be updated without another build.
func codeVersion() (string, error) {
	text, err := os.ReadFile(os.Getenv("LAMBDA_TASK_ROOT") + "/version")
	return strings.TrimSpace(string(text)), err
}

func handle(ctx context.Context, given event) (any, error) {
	if given.Action == "introspect" {
		return introspect(ctx)
	}
	fmt.Println("handling", given.Marker)
	switch given.Action {
	case "fail":
		return nil, errors.New("as asked")
	case "large":
		return strings.Repeat("x", 7*1024*1024), nil
	}
	version, err := codeVersion()
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"version": version, "marker": given.Marker, "greeting": nil, "colour": nil}
	if greeting, ok := os.LookupEnv("GREETING"); ok {
		answer["greeting"] = greeting
	}
	invocation, _ := lambdacontext.FromContext(ctx)
	if colour, ok := invocation.ClientContext.Custom["colour"]; ok {
		answer["colour"] = colour
	}
	return answer, nil
}

func introspect(ctx context.Context) (any, error) {
	invocation, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	environment := map[string]string{}
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		environment[name] = value
	}
	return map[string]any{
		"ctx": map[string]any{
			"aws_request_id":       invocation.AwsRequestID,
			"deadline":             deadline.UnixMilli(),
			"function_name":        lambdacontext.FunctionName,
			"function_version":     lambdacontext.FunctionVersion,
			"invoked_function_arn": invocation.InvokedFunctionArn,
			"log_group_name":       lambdacontext.LogGroupName,
			"log_stream_name":      lambdacontext.LogStreamName,
			"memory_limit_in_mb":   lambdacontext.MemoryLimitInMB,
		},
		"environment": environment,
	}, nil
}

func main() {
	lambda.Start(handle)
}
