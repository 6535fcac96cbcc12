package embedded

import (
	"fmt"
	"net/http"
)

// apiError is an answer other than 200, in Confluent's form.
type apiError struct {
	status  int
	Code    int    `json:"error_code"`
	Message string `json:"message"`
}

func (e *apiError) Error() string { return e.Message }

func apiErrorf(status, code int, format string, args ...any) *apiError {
	return &apiError{status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// The codes are those of Confluent's REST API reference.

func errSubject(subject string) *apiError {
	return apiErrorf(http.StatusNotFound, 40401, "Subject '%s' not found.", subject)
}

func errVersion(number any) *apiError {
	return apiErrorf(http.StatusNotFound, 40402, "Version %v not found.", number)
}

func errSchema() *apiError {
	return apiErrorf(http.StatusNotFound, 40403, "Schema not found")
}

func errSoftlyDeleted(subject string) *apiError {
	return apiErrorf(http.StatusNotFound, 40404, "Subject '%s' was soft deleted. Set permanent=true to delete permanently", subject)
}

func errNotSoftlyDeleted(subject string) *apiError {
	return apiErrorf(http.StatusNotFound, 40405, "Subject '%s' was not deleted first before being permanently deleted", subject)
}

func errVersionSoftlyDeleted(subject string, number int) *apiError {
	return apiErrorf(http.StatusNotFound, 40406, "Subject '%s' Version %d was soft deleted. Set permanent=true to delete permanently", subject, number)
}

func errVersionNotSoftlyDeleted(subject string, number int) *apiError {
	return apiErrorf(http.StatusNotFound, 40407, "Subject '%s' Version %d was not deleted first before being permanently deleted", subject, number)
}

func errNoLevel(subject string) *apiError {
	return apiErrorf(http.StatusNotFound, 40408, "Subject '%s' does not have subject-level compatibility configured", subject)
}

func errNoMode(subject string) *apiError {
	return apiErrorf(http.StatusNotFound, 40409, "Subject '%s' does not have subject-level mode configured", subject)
}

func errIncompatible(reason string) *apiError {
	return apiErrorf(http.StatusConflict, 409, "Schema being registered is incompatible with an earlier schema: %s", reason)
}

func errInvalidSchema(reason string) *apiError {
	return apiErrorf(http.StatusUnprocessableEntity, 42201, "Invalid schema: %s", reason)
}

func errInvalidVersion(number string) *apiError {
	return apiErrorf(http.StatusUnprocessableEntity, 42202, "The specified version '%s' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\"", number)
}

func errInvalidLevel() *apiError {
	return apiErrorf(http.StatusUnprocessableEntity, 42203, "Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive")
}

func errInvalidMode() *apiError {
	return apiErrorf(http.StatusUnprocessableEntity, 42204, "Invalid mode. This registry knows READWRITE and READONLY")
}

func errReadOnly(subject string) *apiError {
	return apiErrorf(http.StatusUnprocessableEntity, 42205, "Subject '%s' is in read-only mode", subject)
}

func errInvalidSubject() *apiError {
	return apiErrorf(http.StatusUnprocessableEntity, 42208, "The subject is not a valid name: 1 to %d bytes of UTF-8 without control characters", maxSubject)
}

func errWho() *apiError {
	return apiErrorf(http.StatusUnauthorized, 40101, "Changes want basic authentication, as the administrator of the broker; reading does not")
}

func errBody() *apiError {
	return apiErrorf(http.StatusBadRequest, 400, "The request body is not the JSON object that is expected here")
}

func errStore() *apiError {
	return apiErrorf(http.StatusInternalServerError, 50001, "Error in the backend data store: the change is not journalled")
}
