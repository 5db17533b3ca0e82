package storage

import (
	"github.com/aws/jsii-runtime-go"
	lifecycle "github.com/cdktf/cdktf-provider-aws-go/aws/v19/s3bucketlifecycleconfiguration"

	"github.com/batbern/infrastructure/config"
)

// abandonedDays is when S3 drops the parts of uploads that were never finished. They cost, and nobody sees them.
const abandonedDays = 7

// rule is one rule of a bucket's lifecycle.
type rule struct {
	id        string
	prefix    string // of the keys it is for, "" for all
	lifecycle config.Lifecycle
	// tidy also drops abandoned uploads. One rule of a bucket does.
	tidy bool
}

// rulesFor are the rules of a bucket whose objects all age alike.
func rulesFor(c config.Lifecycle) []rule { return []rule{{id: "age", lifecycle: c, tidy: true}} }

func (r rule) terraform() *lifecycle.S3BucketLifecycleConfigurationRule {
	out := &lifecycle.S3BucketLifecycleConfigurationRule{
		Id:     jsii.String(r.id),
		Status: jsii.String("Enabled"),
		Filter: &[]*lifecycle.S3BucketLifecycleConfigurationRuleFilter{{Prefix: jsii.String(r.prefix)}},
	}
	if r.tidy {
		out.AbortIncompleteMultipartUpload = &[]*lifecycle.S3BucketLifecycleConfigurationRuleAbortIncompleteMultipartUpload{{
			DaysAfterInitiation: jsii.Number(abandonedDays),
		}}
	}
	if len(r.lifecycle.Transitions) > 0 {
		var transitions []*lifecycle.S3BucketLifecycleConfigurationRuleTransition
		for _, transition := range r.lifecycle.Transitions {
			transitions = append(transitions, &lifecycle.S3BucketLifecycleConfigurationRuleTransition{
				StorageClass: jsii.String(string(transition.Class)), Days: jsii.Number(float64(transition.AfterDays)),
			})
		}
		out.Transition = &transitions
	}
	if days := r.lifecycle.ExpirationDays; days > 0 {
		out.Expiration = &[]*lifecycle.S3BucketLifecycleConfigurationRuleExpiration{{Days: jsii.Number(float64(days))}}
	} else if r.lifecycle.NoncurrentDays > 0 {
		// the marker of a deleted object, once nothing is left behind it
		out.Expiration = &[]*lifecycle.S3BucketLifecycleConfigurationRuleExpiration{{ExpiredObjectDeleteMarker: jsii.Bool(true)}}
	}
	if days := r.lifecycle.NoncurrentDays; days > 0 {
		out.NoncurrentVersionExpiration = &[]*lifecycle.S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration{{
			NoncurrentDays: jsii.Number(float64(days)),
		}}
	}
	return out
}
