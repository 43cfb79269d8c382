//! The shapes of the API's members, named as in its public model, and those of ours.
//!
//! The model's patterns `(?s).*` and `(?s).+` say no more than the length does and are left out.

use super::shape::{Length, Pattern, Shape, optional, required, string, string_like};

pub(super) static ACCESS_KEY_ID: Shape = string_like(1, 128, &ACCESS_KEY_ID_PATTERN);
pub(super) static ACCESS_TOKEN: Shape = string(1, 4096);
pub(super) static APP_ID: Shape = string_like(1, 20, &APP_ID_PATTERN);
pub(super) static ARTIFACT_ID: Shape = string(0, 255);
pub(super) static AUTO_BRANCH_CREATION_CONFIG: Shape = Shape::Structure(&[
    optional("stage", &STAGE),
    optional("framework", &FRAMEWORK),
    optional("enableAutoBuild", &BOOLEAN),
    optional("environmentVariables", &ENVIRONMENT_VARIABLES),
    optional("basicAuthCredentials", &BASIC_AUTH_CREDENTIALS),
    optional("enableBasicAuth", &BOOLEAN),
    optional("enablePerformanceMode", &BOOLEAN),
    optional("buildSpec", &BUILD_SPEC),
    optional("enablePullRequestPreview", &BOOLEAN),
    optional("pullRequestEnvironmentName", &PULL_REQUEST_ENVIRONMENT_NAME),
]);
pub(super) static AUTO_BRANCH_CREATION_PATTERN: Shape = string(1, 2048);
pub(super) static AUTO_BRANCH_CREATION_PATTERNS: Shape =
    Shape::List { member: &AUTO_BRANCH_CREATION_PATTERN, length: Length::ANY };
pub(super) static AUTO_SUB_DOMAIN_CREATION_PATTERN: Shape = string(1, 2048);
pub(super) static AUTO_SUB_DOMAIN_CREATION_PATTERNS: Shape =
    Shape::List { member: &AUTO_SUB_DOMAIN_CREATION_PATTERN, length: Length::ANY };
pub(super) static AUTO_SUB_DOMAIN_IAM_ROLE: Shape = string_like(0, 1000, &AUTO_SUB_DOMAIN_IAM_ROLE_PATTERN);
pub(super) static BACKEND: Shape = Shape::Structure(&[optional("stackArn", &STACK_ARN)]);
pub(super) static BACKEND_ENVIRONMENT_ARN: Shape = string(0, 1000);
pub(super) static BASIC_AUTH_CREDENTIALS: Shape = string(0, 2000);
pub(super) static BOOLEAN: Shape = Shape::Boolean;
pub(super) static BRANCH_NAME: Shape = string(1, 255);
pub(super) static BUILD_COMPUTE_TYPE: Shape = Shape::Enum(&["STANDARD_8GB", "LARGE_16GB", "XLARGE_72GB"]);
pub(super) static BUILD_SPEC: Shape = string(1, 25_000);
pub(super) static CACHE_CONFIG: Shape = Shape::Structure(&[required("type", &CACHE_CONFIG_TYPE)]);
pub(super) static CACHE_CONFIG_TYPE: Shape = Shape::Enum(&["AMPLIFY_MANAGED", "AMPLIFY_MANAGED_NO_COOKIES"]);
pub(super) static CERTIFICATE_ARN: Shape = string_like(0, 1000, &CERTIFICATE_ARN_PATTERN);
pub(super) static CERTIFICATE_SETTINGS: Shape =
    Shape::Structure(&[required("type", &CERTIFICATE_TYPE), optional("customCertificateArn", &CERTIFICATE_ARN)]);
pub(super) static CERTIFICATE_TYPE: Shape = Shape::Enum(&["AMPLIFY_MANAGED", "CUSTOM"]);
pub(super) static COMMIT_ID: Shape = string(0, 255);
pub(super) static COMMIT_MESSAGE: Shape = string(0, 10_000);
pub(super) static COMPUTE_ROLE_ARN: Shape = string(0, 1000);
pub(super) static CONDITION: Shape = string(0, 2048);
/// Up to where JSON's readers do not round.
pub(super) static CURSOR: Shape = Shape::Integer { min: 0, max: (1 << 53) - 1 };
pub(super) static CUSTOM_HEADERS: Shape = string(0, 25_000);
pub(super) static CUSTOM_RULE: Shape = Shape::Structure(&[
    required("source", &SOURCE),
    required("target", &TARGET),
    optional("status", &STATUS),
    optional("condition", &CONDITION),
]);
pub(super) static CUSTOM_RULES: Shape = Shape::List { member: &CUSTOM_RULE, length: Length::ANY };
pub(super) static DEPLOYMENT_ARTIFACTS: Shape = string(1, 1000);
pub(super) static DESCRIPTION: Shape = string(0, 1000);
pub(super) static DISPLAY_NAME: Shape = string(0, 255);
pub(super) static DOMAIN_NAME: Shape = string_like(0, 64, &DOMAIN_NAME_PATTERN);
pub(super) static DOMAIN_PREFIX: Shape = string(0, 255);
pub(super) static ENV_KEY: Shape = string(0, 255);
pub(super) static ENV_VALUE: Shape = string(0, 5500);
pub(super) static ENVIRONMENT_VARIABLES: Shape = Shape::Map { key: &ENV_KEY, value: &ENV_VALUE, length: Length::ANY };
pub(super) static ENVIRONMENT_NAME: Shape = string(1, 255);
pub(super) static FILE_MAP: Shape = Shape::Map { key: &FILE_NAME, value: &MD5_HASH, length: Length::ANY };
pub(super) static FILE_NAME: Shape = string(0, 255);
pub(super) static FRAMEWORK: Shape = string(0, 255);
pub(super) static JOB_CONFIG: Shape = Shape::Structure(&[required("buildComputeType", &BUILD_COMPUTE_TYPE)]);
pub(super) static JOB_ID: Shape = string_like(0, 255, &JOB_ID_PATTERN);
pub(super) static JOB_REASON: Shape = string(0, 255);
pub(super) static JOB_TYPE: Shape = Shape::Enum(&["RELEASE", "RETRY", "MANUAL", "WEB_HOOK"]);
pub(super) static KEY_APP: Shape = string_like(1, 20, &KEY_APP_PATTERN);
pub(super) static KEY_APPS: Shape = Shape::List { member: &KEY_APP, length: Length { min: 1, max: Some(100) } };
pub(super) static KEY_NAME: Shape = string_like(1, 64, &KEY_NAME_PATTERN);
pub(super) static MAX_RESULTS: Shape = Shape::Integer { min: 0, max: 50 };
pub(super) static MAX_RESULTS_FOR_LIST_APPS: Shape = Shape::Integer { min: 0, max: 100 };
pub(super) static MD5_HASH: Shape = string(0, 32);
pub(super) static NAME: Shape = string(1, 255);
pub(super) static NEXT_TOKEN: Shape = string(0, 2000);
pub(super) static OAUTH_TOKEN: Shape = string(0, 4096);
pub(super) static PLATFORM: Shape = Shape::Enum(&["WEB", "WEB_DYNAMIC", "WEB_COMPUTE"]);
pub(super) static PULL_REQUEST_ENVIRONMENT_NAME: Shape = string(0, 20);
pub(super) static REPOSITORY: Shape = string(0, 1000);
pub(super) static RESOURCE_ARN: Shape = string_like(0, 2048, &RESOURCE_ARN_PATTERN);
pub(super) static ROLE: Shape = Shape::Enum(&["admin", "deploy", "read"]);
pub(super) static SERVICE_ROLE_ARN: Shape = string(0, 1000);
pub(super) static SOURCE: Shape = string(1, 2048);
pub(super) static SOURCE_URL: Shape = string_like(0, 3000, &SOURCE_URL_PATTERN);
pub(super) static SOURCE_URL_TYPE: Shape = Shape::Enum(&["ZIP", "BUCKET_PREFIX"]);
pub(super) static STACK_ARN: Shape = string_like(20, 2048, &STACK_ARN_PATTERN);
pub(super) static STACK_NAME: Shape = string(1, 255);
pub(super) static STAGE: Shape = Shape::Enum(&["PRODUCTION", "BETA", "DEVELOPMENT", "EXPERIMENTAL", "PULL_REQUEST"]);
pub(super) static STATUS: Shape = string_like(3, 7, &STATUS_PATTERN);
pub(super) static SUB_DOMAIN_SETTING: Shape =
    Shape::Structure(&[required("prefix", &DOMAIN_PREFIX), required("branchName", &BRANCH_NAME)]);
pub(super) static SUB_DOMAIN_SETTINGS: Shape = Shape::List { member: &SUB_DOMAIN_SETTING, length: Length::up_to(500) };
pub(super) static SUBSCRIBER_ID: Shape = string(1, 255);
pub(super) static SUBSCRIBER_URL: Shape = string(1, 2048);
pub(super) static TAG_KEY: Shape = string_like(1, 128, &TAG_KEY_PATTERN);
pub(super) static TAG_KEY_LIST: Shape = Shape::List { member: &TAG_KEY, length: Length { min: 1, max: Some(50) } };
pub(super) static TAG_MAP: Shape = Shape::Map { key: &TAG_KEY, value: &TAG_VALUE, length: Length::up_to(50) };
pub(super) static TAG_VALUE: Shape = string_like(0, 256, &TAG_VALUE_PATTERN);
pub(super) static TARGET: Shape = string(1, 2048);
pub(super) static TIMESTAMP: Shape = Shape::Timestamp;
pub(super) static TTL: Shape = string_like(0, 32, &TTL_PATTERN);
pub(super) static WEBHOOK_ID: Shape = string(0, 255);

static ACCESS_KEY_ID_PATTERN: Pattern = Pattern::new("[A-Za-z0-9_]+");
static APP_ID_PATTERN: Pattern = Pattern::new("d[a-z0-9]+");
static AUTO_SUB_DOMAIN_IAM_ROLE_PATTERN: Pattern =
    Pattern::new("^$|^arn:aws:iam::[0-9]{12}:role.+").shown_as(r"^$|^arn:aws:iam::\d{12}:role.+");
static CERTIFICATE_ARN_PATTERN: Pattern = Pattern::new("^arn:aws:acm:[a-z0-9-]+:[0-9]{12}:certificate/.+$")
    .shown_as(r"^arn:aws:acm:[a-z0-9-]+:\d{12}:certificate\/.+$");
/// Look-ahead keeps hyphens from the start of each label; here the first character is spelled out.
static DOMAIN_NAME_PATTERN: Pattern =
    Pattern::new(r"^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9]\.?$")
        .shown_as(r"^(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])(\.)?$");
static JOB_ID_PATTERN: Pattern = Pattern::new("[0-9]+");
/// An app's id, or `*` for all apps.
static KEY_APP_PATTERN: Pattern = Pattern::new(r"d[a-z0-9]+|\*");
/// As IAM's names of users are.
static KEY_NAME_PATTERN: Pattern = Pattern::new("[A-Za-z0-9_+=,.@-]+");
static RESOURCE_ARN_PATTERN: Pattern = Pattern::new("^arn:aws:amplify:.*");
static SOURCE_URL_PATTERN: Pattern = Pattern::new("^(s3|https|http)://.*");
static STACK_ARN_PATTERN: Pattern = Pattern::new("^arn:aws:cloudformation:[a-z0-9-]+:[0-9]{12}:stack/.+/.+$")
    .shown_as(r"^arn:aws:cloudformation:[a-z0-9-]+:\d{12}:stack/.+/.+$");
static STATUS_PATTERN: Pattern = Pattern::new(".{3,7}");
static TAG_KEY_PATTERN: Pattern =
    Pattern::new("[a-zA-Z+-=._:/]+").forbidding_prefix("aws:").shown_as("^(?!aws:)[a-zA-Z+-=._:/]+$");
static TAG_VALUE_PATTERN: Pattern = Pattern::new(r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$");
static TTL_PATTERN: Pattern = Pattern::new("[0-9]*").shown_as(r"\d*");
