package event

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestSecretWatch(t *testing.T) {
	for text, want := range map[string][]string{
		`{"secrets": [{"name": "a", "arn": "arn:a", "rotateEveryDays": 30}, {"name": "b", "arn": "arn:b", "maxAgeDays": 90}]}`: nil,
		`{}`:                          {"secrets is empty"},
		`{"secrets": [{"arn": "a"}]}`: {"secrets[0].name is", "secrets[0].arn is", "secrets[0].rotateEveryDays is"},
		`{"secrets": [{"name": "a", "arn": "arn:a", "rotateEveryDays": 30, "maxAgeDays": 90}]}`: {"not both"},
		`{"secrets": [{"name": "a", "arn": "arn:a", "maxAgeDays": 1}, {"name": "a", "arn": "arn:b", "maxAgeDays": -1, "rotateEveryDays": 1}]}`: {
			"secrets[1].name is \"a\": is there twice", "secrets[1].rotateEveryDays"},
		`{"secrets": [{"name": "a", "arn": "arn:a", "rotateEvery": 30}]}`: {"unknown field"},
		`[]`: {"cannot unmarshal"},
	} {
		var event SecretWatch
		err := json.Unmarshal([]byte(text), &event)
		if err == nil {
			err = event.Validate()
		}
		if (err == nil) != (want == nil) {
			t.Errorf("%s: %v", text, err)
		}
		for _, part := range want {
			if err != nil && !strings.Contains(err.Error(), part) {
				t.Errorf("%s: got %v, want %q", text, err, part)
			}
		}
	}
}
