//! The table itself: every operation, with its method, path and members.

use http::Method;

use super::role::Role;
use super::shape::{Member, optional, required};
use super::shapes::*;

/// What the table says about an operation.
#[derive(Debug)]
pub struct Definition {
    /// The name in the API.
    pub name: &'static str,
    /// The method of its requests.
    pub method: Method,
    /// The path of its requests, with `{appId}` where a label stands.
    pub path: &'static str,
    /// The least that the key of who asks must be for.
    pub role: Role,
    /// What it is done to, with labels as in the path. A collection stands for everything in it.
    pub(super) on: &'static str,
    /// How many slashes are in the path.
    pub(super) depth: usize,
    /// The members in the query.
    pub query: &'static [Member],
    /// The members in the JSON body.
    pub body: &'static [Member],
}

/// Declares the operations: `Name = METHOD "path" by Role on "resource" query [members] body [members];`. The resource is
/// the path unless it is named.
macro_rules! operations {
    ($(
        $(#[$doc:meta])*
        $name:ident = $method:ident $path:literal by $role:ident $(on $on:literal)?
        $(query [$($query:expr),* $(,)?])?
        $(body [$($body:expr),* $(,)?])?;
    )*) => {
        /// An operation of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation {
            $($(#[$doc])* $name,)*
        }

        impl Operation {
            /// Every operation.
            pub const ALL: [Self; [$(Self::$name),*].len()] = [$(Self::$name),*];
        }

        static DEFINITIONS: [Definition; Operation::ALL.len()] = [$(
            Definition {
                name: stringify!($name),
                method: Method::$method,
                path: $path,
                role: Role::$role,
                on: [$($on,)? $path][0],
                depth: depth($path),
                query: &[$($($query),*)?],
                body: &[$($($body),*)?],
            },
        )*];

        $(const _: () = assert!(labels_are_known($path), "a label is not in LABELS");)*
    };
}

operations! {
    /// Creates an app.
    CreateApp = POST "/apps" by Admin
        body [
            required("name", &NAME),
            optional("description", &DESCRIPTION),
            optional("repository", &REPOSITORY),
            optional("platform", &PLATFORM),
            optional("computeRoleArn", &COMPUTE_ROLE_ARN),
            optional("iamServiceRoleArn", &SERVICE_ROLE_ARN),
            optional("oauthToken", &OAUTH_TOKEN),
            optional("accessToken", &ACCESS_TOKEN),
            optional("environmentVariables", &ENVIRONMENT_VARIABLES),
            optional("enableBranchAutoBuild", &BOOLEAN),
            optional("enableBranchAutoDeletion", &BOOLEAN),
            optional("enableBasicAuth", &BOOLEAN),
            optional("basicAuthCredentials", &BASIC_AUTH_CREDENTIALS),
            optional("customRules", &CUSTOM_RULES),
            optional("tags", &TAG_MAP),
            optional("buildSpec", &BUILD_SPEC),
            optional("customHeaders", &CUSTOM_HEADERS),
            optional("enableAutoBranchCreation", &BOOLEAN),
            optional("autoBranchCreationPatterns", &AUTO_BRANCH_CREATION_PATTERNS),
            optional("autoBranchCreationConfig", &AUTO_BRANCH_CREATION_CONFIG),
            optional("jobConfig", &JOB_CONFIG),
            optional("cacheConfig", &CACHE_CONFIG),
        ];
    /// Shows an app.
    GetApp = GET "/apps/{appId}" by Read;
    /// Lists the apps, page by page.
    ListApps = GET "/apps" by Read
        query [optional("nextToken", &NEXT_TOKEN), optional("maxResults", &MAX_RESULTS_FOR_LIST_APPS)];
    /// Changes what is given of an app.
    UpdateApp = POST "/apps/{appId}" by Admin
        body [
            optional("name", &NAME),
            optional("description", &DESCRIPTION),
            optional("platform", &PLATFORM),
            optional("computeRoleArn", &COMPUTE_ROLE_ARN),
            optional("iamServiceRoleArn", &SERVICE_ROLE_ARN),
            optional("environmentVariables", &ENVIRONMENT_VARIABLES),
            optional("enableBranchAutoBuild", &BOOLEAN),
            optional("enableBranchAutoDeletion", &BOOLEAN),
            optional("enableBasicAuth", &BOOLEAN),
            optional("basicAuthCredentials", &BASIC_AUTH_CREDENTIALS),
            optional("customRules", &CUSTOM_RULES),
            optional("buildSpec", &BUILD_SPEC),
            optional("customHeaders", &CUSTOM_HEADERS),
            optional("enableAutoBranchCreation", &BOOLEAN),
            optional("autoBranchCreationPatterns", &AUTO_BRANCH_CREATION_PATTERNS),
            optional("autoBranchCreationConfig", &AUTO_BRANCH_CREATION_CONFIG),
            optional("repository", &REPOSITORY),
            optional("oauthToken", &OAUTH_TOKEN),
            optional("accessToken", &ACCESS_TOKEN),
            optional("jobConfig", &JOB_CONFIG),
            optional("cacheConfig", &CACHE_CONFIG),
        ];
    /// Deletes an app with its branches and jobs.
    DeleteApp = DELETE "/apps/{appId}" by Admin;

    /// Creates a branch of an app.
    CreateBranch = POST "/apps/{appId}/branches" by Admin
        body [
            required("branchName", &BRANCH_NAME),
            optional("description", &DESCRIPTION),
            optional("stage", &STAGE),
            optional("framework", &FRAMEWORK),
            optional("enableNotification", &BOOLEAN),
            optional("enableAutoBuild", &BOOLEAN),
            optional("enableSkewProtection", &BOOLEAN),
            optional("environmentVariables", &ENVIRONMENT_VARIABLES),
            optional("basicAuthCredentials", &BASIC_AUTH_CREDENTIALS),
            optional("enableBasicAuth", &BOOLEAN),
            optional("enablePerformanceMode", &BOOLEAN),
            optional("tags", &TAG_MAP),
            optional("buildSpec", &BUILD_SPEC),
            optional("ttl", &TTL),
            optional("displayName", &DISPLAY_NAME),
            optional("enablePullRequestPreview", &BOOLEAN),
            optional("pullRequestEnvironmentName", &PULL_REQUEST_ENVIRONMENT_NAME),
            optional("backendEnvironmentArn", &BACKEND_ENVIRONMENT_ARN),
            optional("backend", &BACKEND),
            optional("computeRoleArn", &COMPUTE_ROLE_ARN),
        ];
    /// Shows a branch.
    GetBranch = GET "/apps/{appId}/branches/{branchName}" by Read;
    /// Lists an app's branches, page by page.
    ListBranches = GET "/apps/{appId}/branches" by Read
        query [optional("nextToken", &NEXT_TOKEN), optional("maxResults", &MAX_RESULTS)];
    /// Changes what is given of a branch.
    UpdateBranch = POST "/apps/{appId}/branches/{branchName}" by Admin
        body [
            optional("description", &DESCRIPTION),
            optional("framework", &FRAMEWORK),
            optional("stage", &STAGE),
            optional("enableNotification", &BOOLEAN),
            optional("enableAutoBuild", &BOOLEAN),
            optional("enableSkewProtection", &BOOLEAN),
            optional("environmentVariables", &ENVIRONMENT_VARIABLES),
            optional("basicAuthCredentials", &BASIC_AUTH_CREDENTIALS),
            optional("enableBasicAuth", &BOOLEAN),
            optional("enablePerformanceMode", &BOOLEAN),
            optional("buildSpec", &BUILD_SPEC),
            optional("ttl", &TTL),
            optional("displayName", &DISPLAY_NAME),
            optional("enablePullRequestPreview", &BOOLEAN),
            optional("pullRequestEnvironmentName", &PULL_REQUEST_ENVIRONMENT_NAME),
            optional("backendEnvironmentArn", &BACKEND_ENVIRONMENT_ARN),
            optional("backend", &BACKEND),
            optional("computeRoleArn", &COMPUTE_ROLE_ARN),
        ];
    /// Deletes a branch with its jobs.
    DeleteBranch = DELETE "/apps/{appId}/branches/{branchName}" by Admin;

    /// Creates a MANUAL job and where to upload its files.
    CreateDeployment = POST "/apps/{appId}/branches/{branchName}/deployments" by Deploy
        body [optional("fileMap", &FILE_MAP)];
    /// Starts a MANUAL job, with uploaded files or from a URL.
    StartDeployment = POST "/apps/{appId}/branches/{branchName}/deployments/start" by Deploy on "/apps/{appId}/branches/{branchName}/deployments"
        body [
            optional("jobId", &JOB_ID),
            optional("sourceUrl", &SOURCE_URL),
            optional("sourceUrlType", &SOURCE_URL_TYPE),
        ];

    /// Starts a job that builds a commit, or repeats an earlier job.
    StartJob = POST "/apps/{appId}/branches/{branchName}/jobs" by Deploy
        body [
            optional("jobId", &JOB_ID),
            required("jobType", &JOB_TYPE),
            optional("jobReason", &JOB_REASON),
            optional("commitId", &COMMIT_ID),
            optional("commitMessage", &COMMIT_MESSAGE),
            optional("commitTime", &TIMESTAMP),
        ];
    /// Stops a job.
    StopJob = DELETE "/apps/{appId}/branches/{branchName}/jobs/{jobId}/stop" by Deploy on "/apps/{appId}/branches/{branchName}/jobs/{jobId}";
    /// Shows a job with its steps.
    GetJob = GET "/apps/{appId}/branches/{branchName}/jobs/{jobId}" by Read;
    /// Lists a branch's jobs, page by page.
    ListJobs = GET "/apps/{appId}/branches/{branchName}/jobs" by Read
        query [optional("nextToken", &NEXT_TOKEN), optional("maxResults", &MAX_RESULTS)];
    /// Deletes a job.
    DeleteJob = DELETE "/apps/{appId}/branches/{branchName}/jobs/{jobId}" by Admin;

    /// Lists what a job left behind, page by page.
    ListArtifacts = GET "/apps/{appId}/branches/{branchName}/jobs/{jobId}/artifacts" by Read
        query [optional("nextToken", &NEXT_TOKEN), optional("maxResults", &MAX_RESULTS)];
    /// Gives a URL that an artifact can be fetched with.
    GetArtifactUrl = GET "/artifacts/{artifactId}" by Read;

    /// Creates a webhook of a branch.
    CreateWebhook = POST "/apps/{appId}/webhooks" by Admin
        body [required("branchName", &BRANCH_NAME), optional("description", &DESCRIPTION)];
    /// Shows a webhook.
    GetWebhook = GET "/webhooks/{webhookId}" by Read;
    /// Lists an app's webhooks, page by page.
    ListWebhooks = GET "/apps/{appId}/webhooks" by Read
        query [optional("nextToken", &NEXT_TOKEN), optional("maxResults", &MAX_RESULTS)];
    /// Changes what is given of a webhook.
    UpdateWebhook = POST "/webhooks/{webhookId}" by Admin
        body [optional("branchName", &BRANCH_NAME), optional("description", &DESCRIPTION)];
    /// Deletes a webhook.
    DeleteWebhook = DELETE "/webhooks/{webhookId}" by Admin;

    /// Creates a backend environment of an app.
    CreateBackendEnvironment = POST "/apps/{appId}/backendenvironments" by Admin
        body [
            required("environmentName", &ENVIRONMENT_NAME),
            optional("stackName", &STACK_NAME),
            optional("deploymentArtifacts", &DEPLOYMENT_ARTIFACTS),
        ];
    /// Shows a backend environment.
    GetBackendEnvironment = GET "/apps/{appId}/backendenvironments/{environmentName}" by Read;
    /// Lists an app's backend environments, page by page.
    ListBackendEnvironments = GET "/apps/{appId}/backendenvironments" by Read
        query [
            optional("environmentName", &ENVIRONMENT_NAME),
            optional("nextToken", &NEXT_TOKEN),
            optional("maxResults", &MAX_RESULTS),
        ];
    /// Deletes a backend environment.
    DeleteBackendEnvironment = DELETE "/apps/{appId}/backendenvironments/{environmentName}" by Admin;

    /// Connects a domain with an app's branches.
    CreateDomainAssociation = POST "/apps/{appId}/domains" by Admin
        body [
            required("domainName", &DOMAIN_NAME),
            optional("enableAutoSubDomain", &BOOLEAN),
            required("subDomainSettings", &SUB_DOMAIN_SETTINGS),
            optional("autoSubDomainCreationPatterns", &AUTO_SUB_DOMAIN_CREATION_PATTERNS),
            optional("autoSubDomainIAMRole", &AUTO_SUB_DOMAIN_IAM_ROLE),
            optional("certificateSettings", &CERTIFICATE_SETTINGS),
        ];
    /// Shows a domain association.
    GetDomainAssociation = GET "/apps/{appId}/domains/{domainName}" by Read;
    /// Lists an app's domain associations, page by page.
    ListDomainAssociations = GET "/apps/{appId}/domains" by Read
        query [optional("nextToken", &NEXT_TOKEN), optional("maxResults", &MAX_RESULTS)];
    /// Changes what is given of a domain association.
    UpdateDomainAssociation = POST "/apps/{appId}/domains/{domainName}" by Admin
        body [
            optional("enableAutoSubDomain", &BOOLEAN),
            optional("subDomainSettings", &SUB_DOMAIN_SETTINGS),
            optional("autoSubDomainCreationPatterns", &AUTO_SUB_DOMAIN_CREATION_PATTERNS),
            optional("autoSubDomainIAMRole", &AUTO_SUB_DOMAIN_IAM_ROLE),
            optional("certificateSettings", &CERTIFICATE_SETTINGS),
        ];
    /// Deletes a domain association.
    DeleteDomainAssociation = DELETE "/apps/{appId}/domains/{domainName}" by Admin;

    /// Gives a URL of a table of the requests that came to a domain.
    GenerateAccessLogs = POST "/apps/{appId}/accesslogs" by Admin
        body [
            optional("startTime", &TIMESTAMP),
            optional("endTime", &TIMESTAMP),
            required("domainName", &DOMAIN_NAME),
        ];

    /// Adds tags to an app or a branch.
    TagResource = POST "/tags/{resourceArn}" by Admin on "{resourceArn}"
        body [required("tags", &TAG_MAP)];
    /// Takes tags from an app or a branch.
    UntagResource = DELETE "/tags/{resourceArn}" by Admin on "{resourceArn}"
        query [required("tagKeys", &TAG_KEY_LIST)];
    /// Lists the tags of an app or a branch.
    ListTagsForResource = GET "/tags/{resourceArn}" by Read on "{resourceArn}";

    /// Makes a key pair. Ours, as are all that follow: on AWS, keys are IAM's.
    CreateKey = POST "/-/keys" by Admin on "/keys"
        body [required("role", &ROLE), optional("apps", &KEY_APPS), optional("name", &KEY_NAME)];
    /// Lists the key pairs that were made, page by page, without their secrets.
    ListKeys = GET "/-/keys" by Admin on "/keys"
        query [optional("nextToken", &NEXT_TOKEN), optional("maxResults", &MAX_RESULTS)];
    /// Revokes a key pair.
    DeleteKey = DELETE "/-/keys/{accessKeyId}" by Admin on "/keys/{accessKeyId}";

    /// Tells what happens to jobs as it happens: an answer without an end. On AWS, events are EventBridge's.
    ListenToEvents = GET "/-/events" by Read on "/apps/{appId}/branches/{branchName}/jobs"
        query [optional("cursor", &CURSOR), optional("appId", &APP_ID), optional("branchName", &BRANCH_NAME)];
    /// Has somebody told of what happens to jobs.
    CreateSubscriber = POST "/-/subscribers" by Admin on "/subscribers"
        body [
            required("url", &SUBSCRIBER_URL),
            optional("appId", &APP_ID),
            optional("branchName", &BRANCH_NAME),
            optional("description", &DESCRIPTION),
            optional("cursor", &CURSOR),
        ];
    /// Shows a subscriber, without its secret.
    GetSubscriber = GET "/-/subscribers/{subscriberId}" by Admin on "/subscribers/{subscriberId}";
    /// Lists the subscribers, page by page, without their secrets.
    ListSubscribers = GET "/-/subscribers" by Admin on "/subscribers"
        query [optional("nextToken", &NEXT_TOKEN), optional("maxResults", &MAX_RESULTS)];
    /// Tells a subscriber nothing more.
    DeleteSubscriber = DELETE "/-/subscribers/{subscriberId}" by Admin on "/subscribers/{subscriberId}";
}

/// The members that stand in paths. A name means the same in all of them.
const LABELS: &[Member] = &[
    required("appId", &APP_ID),
    required("branchName", &BRANCH_NAME),
    required("jobId", &JOB_ID),
    required("artifactId", &ARTIFACT_ID),
    required("webhookId", &WEBHOOK_ID),
    required("environmentName", &ENVIRONMENT_NAME),
    required("domainName", &DOMAIN_NAME),
    required("resourceArn", &RESOURCE_ARN),
    required("accessKeyId", &ACCESS_KEY_ID),
    required("subscriberId", &SUBSCRIBER_ID),
];

impl Operation {
    /// What the table says about this operation.
    #[must_use]
    pub fn definition(self) -> &'static Definition {
        &DEFINITIONS[self as usize]
    }

    /// Whether AWS's API does not have it.
    #[must_use]
    pub fn is_extension(self) -> bool {
        self.definition().is_extension()
    }
}

impl Definition {
    pub(super) fn is_extension(&self) -> bool {
        self.path.starts_with("/-/")
    }

    /// The members in the path, in its order.
    pub fn labels(&self) -> impl Iterator<Item = &'static Member> {
        self.path.split('/').filter_map(label)
    }
}

/// The member that a segment of a path stands for, unless it stands for itself.
pub(super) fn label(segment: &str) -> Option<&'static Member> {
    let name = segment.strip_prefix('{')?.strip_suffix('}')?;
    LABELS.iter().find(|member| member.name == name)
}

const fn labels_are_known(path: &str) -> bool {
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'{' && !starts_with_label(after) {
            return false;
        }
        rest = after;
    }
    true
}

const fn starts_with_label(text: &[u8]) -> bool {
    let mut index = 0;
    while index < LABELS.len() {
        let name = LABELS[index].name.as_bytes();
        if text.len() > name.len() && text[name.len()] == b'}' && same(text.split_at(name.len()).0, name) {
            return true;
        }
        index += 1;
    }
    false
}

const fn same(mut left: &[u8], mut right: &[u8]) -> bool {
    while let ([first, left_rest @ ..], [other, right_rest @ ..]) = (left, right) {
        if *first != *other {
            return false;
        }
        (left, right) = (left_rest, right_rest);
    }
    left.is_empty() && right.is_empty()
}

/// How many slashes are in a path.
const fn depth(path: &str) -> usize {
    let (bytes, mut depth, mut i) = (path.as_bytes(), 0, 0);
    while i < bytes.len() {
        depth += (bytes[i] == b'/') as usize;
        i += 1;
    }
    depth
}
