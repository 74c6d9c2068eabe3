//! Users and access rules of 5.x.

use serde::{Deserialize, Serialize};

/// `CreateUserRequestHeader`: `AUTH_CREATE_USER`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateUser {
    pub username: Option<String>,
}

/// `UpdateUserRequestHeader`: `AUTH_UPDATE_USER`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateUser {
    pub username: Option<String>,
}

/// `DeleteUserRequestHeader`: `AUTH_DELETE_USER`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeleteUser {
    pub username: Option<String>,
}

/// `GetUserRequestHeader`: `AUTH_GET_USER`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetUser {
    pub username: Option<String>,
}

/// `ListUsersRequestHeader`: `AUTH_LIST_USER`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListUsers {
    pub filter: Option<String>,
}

/// `CreateAclRequestHeader`: `AUTH_CREATE_ACL`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateAcl {
    pub subject: Option<String>,
}

/// `UpdateAclRequestHeader`: `AUTH_UPDATE_ACL`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateAcl {
    pub subject: Option<String>,
}

/// `DeleteAclRequestHeader`: `AUTH_DELETE_ACL`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeleteAcl {
    pub subject: Option<String>,
    pub policy_type: Option<String>,
    pub resource: Option<String>,
}

/// `GetAclRequestHeader`: `AUTH_GET_ACL`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetAcl {
    pub subject: Option<String>,
}

/// `ListAclsRequestHeader`: `AUTH_LIST_ACL`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListAcls {
    pub subject_filter: Option<String>,
    pub resource_filter: Option<String>,
}
