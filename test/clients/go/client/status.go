// The HTTP status of an answer, which aws-sdk-go-v2 keeps in its metadata.
package main

import (
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func statusOf(metadata middleware.Metadata) int {
	response, ok := awsmiddleware.GetRawResponse(metadata).(*smithyhttp.Response)
	if !ok {
		return 0
	}
	return response.StatusCode
}
