// Package v20170312 takes the place of Tencent Cloud's SDK for virtual private clouds.
//
// Of flannel, only the backend tencent-vpc uses that SDK, which is 200,000 lines long and served by no proxy of Go
// modules. Each call returns an error here, so that backend ends with the error when it starts.
package v20170312

import "errors"

var errMissing = errors.New("this flanneld is built without the backend tencent-vpc")

type Client struct{}

type Filter struct {
	Name   *string
	Values []*string
}

type Route struct {
	DestinationCidrBlock, GatewayId, GatewayType, RouteType *string
	Enabled                                                 *bool
	RouteId                                                 *uint64
}

type RouteTable struct {
	RouteTableId *string
	RouteSet     []*Route
}

type DescribeRouteTablesRequest struct{ Filters []*Filter }

type DescribeRouteTablesResponse struct {
	Response *struct{ RouteTableSet []*RouteTable }
}

// RoutesRequest is a request to create or to delete routes.
type RoutesRequest struct {
	RouteTableId *string
	Routes       []*Route
}

type RoutesResponse struct{}

func NewClientWithSecretId(_, _, _ string) (*Client, error) { return nil, errMissing }

func NewDescribeRouteTablesRequest() *DescribeRouteTablesRequest {
	return &DescribeRouteTablesRequest{}
}

func NewDeleteRoutesRequest() *RoutesRequest { return &RoutesRequest{} }

func NewCreateRoutesRequest() *RoutesRequest { return &RoutesRequest{} }

func (*Client) DescribeRouteTables(*DescribeRouteTablesRequest) (*DescribeRouteTablesResponse, error) {
	return nil, errMissing
}

func (*Client) DeleteRoutes(*RoutesRequest) (*RoutesResponse, error) { return nil, errMissing }

func (*Client) CreateRoutes(*RoutesRequest) (*RoutesResponse, error) { return nil, errMissing }
