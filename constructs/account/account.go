// Package account sets what holds for a whole AWS account. Each setting can be left to somebody else: an account of an
// organization may have it already.
package account

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/accessanalyzeranalyzer"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/ebsencryptionbydefault"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/s3accountpublicaccessblock"

	"github.com/batbern/infrastructure/config"
)

// Props says which settings are ours to make.
type Props struct {
	Name     string // prefix of AWS names, e.g. "batbern-dev"
	Baseline config.Baseline
}

// New makes the settings that the baseline switches on: no public buckets (S3.1), encrypted volumes in the home region
// (EC2.7), and an analyzer that reports what the account shares with others (IAM.28).
func New(scope constructs.Construct, id string, props Props) {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	if props.Baseline.S3PublicAccessBlock {
		s3accountpublicaccessblock.NewS3AccountPublicAccessBlock(scope, jsii.String("buckets"),
			&s3accountpublicaccessblock.S3AccountPublicAccessBlockConfig{
				BlockPublicAcls:       jsii.Bool(true),
				BlockPublicPolicy:     jsii.Bool(true),
				IgnorePublicAcls:      jsii.Bool(true),
				RestrictPublicBuckets: jsii.Bool(true),
			})
	}
	if props.Baseline.EbsEncryption {
		ebsencryptionbydefault.NewEbsEncryptionByDefault(scope, jsii.String("volumes"),
			&ebsencryptionbydefault.EbsEncryptionByDefaultConfig{Enabled: jsii.Bool(true)})
	}
	if props.Baseline.AccessAnalyzer {
		accessanalyzeranalyzer.NewAccessanalyzerAnalyzer(scope, jsii.String("analyzer"), &accessanalyzeranalyzer.AccessanalyzerAnalyzerConfig{
			AnalyzerName: jsii.String(props.Name + "-external-access"),
			Type:         jsii.String("ACCOUNT"),
		})
	}
}
