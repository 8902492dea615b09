// The Go client under test: plays the plan with the unmodified aws-sdk-go-v2, a line of JSON a step.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

type plan struct {
	Endpoint      *string `json:"endpoint"`
	FunctionName  string  `json:"functionName"`
	Runtime       string  `json:"runtime"`
	Handler       string  `json:"handler"`
	Role          string  `json:"role"`
	Zip           string  `json:"zip"`
	SecondZip     string  `json:"secondZip"`
	LargePayload  string  `json:"largePayload"`
	LargeVariable string  `json:"largeVariable"`
	Greeting      string  `json:"greeting"`
	ClientContext string  `json:"clientContext"`
	Event         string  `json:"event"`
	AsyncEvent    string  `json:"asyncEvent"`
	FailEvent     string  `json:"failEvent"`
	LargeEvent    string  `json:"largeEvent"`
}

type facts map[string]any

type player struct {
	plan   plan
	client *lambda.Client
	ctx    context.Context
}

const waitMax = 30 * time.Second

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func read(path string) []byte {
	content, err := os.ReadFile(path)
	must(err)
	return content
}

func tell(step string, told facts) {
	told["step"] = step
	line, err := json.Marshal(told)
	must(err)
	_, err = os.Stdout.Write(append(line, '\n'))
	must(err)
}

// fails tells the error; its type is the one that a caller would give to errors.As.
func fails[Kind error](step string, err error) {
	var typed Kind
	var api smithy.APIError
	var response *awshttp.ResponseError
	if err == nil {
		tell(step, facts{"error": nil})
		return
	}
	if !errors.As(err, &api) || !errors.As(err, &response) {
		must(err)
	}
	tell(step, facts{
		"error":   api.ErrorCode(),
		"message": api.ErrorMessage(),
		"status":  response.HTTPStatusCode(),
		"typed":   errors.As(err, &typed),
	})
}

func (p player) creation() *lambda.CreateFunctionInput {
	return &lambda.CreateFunctionInput{
		FunctionName: &p.plan.FunctionName,
		Runtime:      types.Runtime(p.plan.Runtime),
		Handler:      &p.plan.Handler,
		Role:         &p.plan.Role,
		Code:         &types.FunctionCode{ZipFile: read(p.plan.Zip)},
	}
}

func (p player) get() error {
	_, err := p.client.GetFunction(p.ctx, &lambda.GetFunctionInput{FunctionName: &p.plan.FunctionName})
	return err
}

func (p player) invoke(step string, input *lambda.InvokeInput) {
	input.FunctionName = &p.plan.FunctionName
	answer, err := p.client.Invoke(p.ctx, input)
	must(err)
	tail, err := base64.StdEncoding.DecodeString(aws.ToString(answer.LogResult))
	must(err)
	tell(step, facts{
		"status":        answer.StatusCode,
		"version":       answer.ExecutedVersion,
		"functionError": answer.FunctionError,
		"payload":       string(answer.Payload),
		"log":           string(tail),
	})
}

func (p player) waitUpdated(step string) {
	waiter := lambda.NewFunctionUpdatedV2Waiter(p.client, func(options *lambda.FunctionUpdatedV2WaiterOptions) {
		options.MinDelay, options.MaxDelay = time.Second, time.Second
	})
	must(waiter.Wait(p.ctx, &lambda.GetFunctionInput{FunctionName: &p.plan.FunctionName}, waitMax))
	tell(step, facts{})
}

func (p player) createAndRead() {
	fails[*types.ResourceNotFoundException]("get-missing", p.get())
	created, err := p.client.CreateFunction(p.ctx, p.creation())
	must(err)
	tell("create", facts{
		"status":     statusOf(created.ResultMetadata),
		"state":      created.State,
		"runtime":    created.Runtime,
		"codeSha256": created.CodeSha256,
	})
	active := lambda.NewFunctionActiveV2Waiter(p.client, func(options *lambda.FunctionActiveV2WaiterOptions) {
		options.MinDelay, options.MaxDelay = time.Second, time.Second
	})
	must(active.Wait(p.ctx, &lambda.GetFunctionInput{FunctionName: &p.plan.FunctionName}, waitMax))
	tell("wait-active", facts{})
	_, err = p.client.CreateFunction(p.ctx, p.creation())
	fails[*types.ResourceConflictException]("create-again", err)
	large := p.creation()
	large.FunctionName = aws.String(p.plan.FunctionName + "-large")
	large.Environment = &types.Environment{Variables: map[string]string{"LARGE": p.plan.LargeVariable}}
	_, err = p.client.CreateFunction(p.ctx, large)
	fails[*types.InvalidParameterValueException]("create-large-variables", err)
	p.readBack()
}

func (p player) readBack() {
	list, err := p.client.ListFunctions(p.ctx, &lambda.ListFunctionsInput{})
	must(err)
	names := []string{}
	for _, each := range list.Functions {
		names = append(names, *each.FunctionName)
	}
	tell("list", facts{"names": names})
	got, err := p.client.GetFunction(p.ctx, &lambda.GetFunctionInput{FunctionName: &p.plan.FunctionName})
	must(err)
	tell("get", facts{
		"state":            got.Configuration.State,
		"lastUpdateStatus": got.Configuration.LastUpdateStatus,
		"codeSha256":       got.Configuration.CodeSha256,
		"repositoryType":   got.Code.RepositoryType,
	})
	configuration, err := p.client.GetFunctionConfiguration(p.ctx, &lambda.GetFunctionConfigurationInput{
		FunctionName: &p.plan.FunctionName,
	})
	must(err)
	tell("get-configuration", facts{"memorySize": configuration.MemorySize, "timeout": configuration.Timeout})
}

func (p player) updateAndInvoke() {
	updated, err := p.client.UpdateFunctionConfiguration(p.ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &p.plan.FunctionName,
		Timeout:      aws.Int32(10),
		MemorySize:   aws.Int32(256),
		Environment:  &types.Environment{Variables: map[string]string{"GREETING": p.plan.Greeting}},
	})
	must(err)
	tell("update-configuration", facts{
		"memorySize": updated.MemorySize,
		"timeout":    updated.Timeout,
		"variables":  updated.Environment.Variables,
	})
	p.waitUpdated("wait-updated")
	p.invoke("invoke", &lambda.InvokeInput{
		Payload: []byte(p.plan.Event), LogType: types.LogTypeTail, ClientContext: &p.plan.ClientContext,
	})
	recoded, err := p.client.UpdateFunctionCode(p.ctx, &lambda.UpdateFunctionCodeInput{
		FunctionName: &p.plan.FunctionName, ZipFile: read(p.plan.SecondZip),
	})
	must(err)
	tell("update-code", facts{"codeSha256": recoded.CodeSha256, "timeout": recoded.Timeout})
	p.waitUpdated("wait-updated-code")
	p.invoke("invoke-new-code", &lambda.InvokeInput{Payload: []byte(p.plan.Event)})
	p.invoke("invoke-event", &lambda.InvokeInput{
		Payload: []byte(p.plan.AsyncEvent), InvocationType: types.InvocationTypeEvent,
	})
	p.invoke("invoke-dry-run", &lambda.InvokeInput{
		Payload: []byte(p.plan.Event), InvocationType: types.InvocationTypeDryRun,
	})
	p.invoke("invoke-error", &lambda.InvokeInput{Payload: []byte(p.plan.FailEvent)})
	_, err = p.client.Invoke(p.ctx, &lambda.InvokeInput{
		FunctionName: &p.plan.FunctionName, Payload: read(p.plan.LargePayload),
	})
	fails[*types.RequestTooLargeException]("invoke-large-in", err)
	p.invoke("invoke-large-out", &lambda.InvokeInput{Payload: []byte(p.plan.LargeEvent)})
}

func (p player) removeAndMiss() {
	name := &p.plan.FunctionName
	removed, err := p.client.DeleteFunction(p.ctx, &lambda.DeleteFunctionInput{FunctionName: name})
	must(err)
	tell("delete", facts{"status": statusOf(removed.ResultMetadata)})
	fails[*types.ResourceNotFoundException]("get-deleted", p.get())
	_, err = p.client.DeleteFunction(p.ctx, &lambda.DeleteFunctionInput{FunctionName: name})
	fails[*types.ResourceNotFoundException]("delete-deleted", err)
}

func main() {
	var given plan
	must(json.Unmarshal([]byte(os.Args[1]), &given))
	ctx := context.Background()
	loaded, err := config.LoadDefaultConfig(ctx)
	must(err)
	client := lambda.NewFromConfig(loaded, func(options *lambda.Options) {
		if given.Endpoint != nil {
			options.BaseEndpoint = given.Endpoint
		}
	})
	p := player{plan: given, client: client, ctx: ctx}
	p.createAndRead()
	p.updateAndInvoke()
	p.removeAndMiss()
}
