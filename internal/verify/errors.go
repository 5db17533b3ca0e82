package verify

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
)

var errNoCredentials = errors.New("there are no AWS credentials: sign in (aws sso login) and set AWS_PROFILE")

// Codes that mean the same in different services. AWS, "Common Errors" of each API reference.
var (
	denied  = []string{"AccessDenied", "UnauthorizedOperation", "AuthorizationError", "NotAuthorized"}
	expired = []string{"ExpiredToken", "InvalidClientTokenId", "UnrecognizedClient", "InvalidSignature", "SignatureDoesNotMatch"}
	missing = []string{"NotFound", "NoSuch"} // DBProxyNotFoundFault, ResourceNotFoundException, TargetGroupNotFound
)

func hasCode(err error, parts []string) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	for _, part := range parts {
		if strings.Contains(api.ErrorCode(), part) {
			return true
		}
	}
	return false
}

// isMissing returns whether AWS answered that it does not have what was asked about.
func isMissing(err error) bool { return hasCode(err, missing) }

// explain says in one line why something could not be asked, and what helps.
func explain(err error, permissions []string) string {
	var api smithy.APIError
	_, throttled := retry.DefaultThrottleErrorCodes[codeOf(err)]
	var region *aws.MissingRegionError
	var unreachable *url.Error
	switch {
	case hasCode(err, denied):
		return fmt.Sprintf("not permitted (%s): grant %s", codeOf(err), strings.Join(permissions, ", "))
	case hasCode(err, expired):
		return fmt.Sprintf("the credentials are invalid or expired (%s): sign in again", codeOf(err))
	case throttled:
		return fmt.Sprintf("AWS throttles these calls (%s): wait a minute", codeOf(err))
	case errors.As(err, &region):
		return "no region is set: synthesize the stack again, or set AWS_REGION"
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %s: check the network", checkLimit)
	case errors.As(err, &unreachable):
		return fmt.Sprintf("%s does not answer: check the network, and AWS_ENDPOINT_URL if it is set", unreachable.URL)
	case errors.As(err, &api):
		return fmt.Sprintf("AWS refused (%s): %s", api.ErrorCode(), firstLine(errors.New(api.ErrorMessage())))
	}
	return firstLine(err)
}

func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
