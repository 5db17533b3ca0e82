package edge

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchlogdelivery"
	destination "github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchlogdeliverydestination"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchlogdeliverysource"
	"github.com/hashicorp/terraform-cdk-go/cdktf"
)

// queryableLogs writes CloudFront's newer logs in Parquet, which Athena reads for a tenth of the price of text. All of it
// lives in us-east-1; the bucket need not.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html
func queryableLogs(scope constructs.Construct, id string, distributions Outputs, props Props) {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	bucket := destination.NewCloudwatchLogDeliveryDestination(scope, jsii.String("bucket"), &destination.CloudwatchLogDeliveryDestinationConfig{
		Provider:     props.Virginia,
		Name:         jsii.String(props.Name + "-cdn-logs"),
		OutputFormat: jsii.String("parquet"),
		DeliveryDestinationConfiguration: &[]*destination.CloudwatchLogDeliveryDestinationDeliveryDestinationConfiguration{{
			DestinationResourceArn: jsii.String(props.Buckets.CdnLogs.Destination()),
		}},
	})
	var before []cdktf.ITerraformDependable
	for _, each := range []struct{ id, arn string }{{"frontend", distributions.Frontend.Arn}, {"content", distributions.Content.Arn}} {
		source := cloudwatchlogdeliverysource.NewCloudwatchLogDeliverySource(scope, jsii.String(each.id+"_source"),
			&cloudwatchlogdeliverysource.CloudwatchLogDeliverySourceConfig{
				Provider:    props.Virginia,
				Name:        jsii.String(props.Name + "-" + each.id),
				LogType:     jsii.String("ACCESS_LOGS"),
				ResourceArn: jsii.String(each.arn),
			})
		delivery := cloudwatchlogdelivery.NewCloudwatchLogDelivery(scope, jsii.String(each.id), &cloudwatchlogdelivery.CloudwatchLogDeliveryConfig{
			Provider:               props.Virginia,
			DeliverySourceName:     source.Name(),
			DeliveryDestinationArn: bucket.Arn(),
			DependsOn:              &before, // one after the other: two deliveries to one bucket at once are refused
		})
		before = []cdktf.ITerraformDependable{delivery}
	}
}
